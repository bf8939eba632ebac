"""MDRE-like: a multimodal dual recurrent encoder, after Yoon et al. 2018 (https://arxiv.org/abs/1810.04635).

As in the paper (section 3): one recurrent network reads the speech frames and one the words; the last state of the
first is joined with a prosodic vector of the utterance; each side goes through a dense layer, and one dense layer
over both gives the classes. What differs:

* words: GloVe vectors are not at hand, so embeddings are learnt from the training texts alone;
* frames: 40 log-mel bands every 20 ms for at most 15 s, where the paper has 39 MFCC values every 10 ms for at most
  7.5 s;
* prosody: the 26 functionals of eGeMAPS on pitch, loudness and voicing, where the paper averages openSMILE's 35
  contours of the same;
* size and stopping: 128 units a side, where the paper has 200; validation accuracy stops the training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stser_core.emotions import LABELS
from stser_core.training.baselines.functionals import functionals, prosody_columns
from stser_core.training.baselines.network_batches import FEATURES, NetworkBatch, NetworkCollator
from stser_core.training.baselines.network_trainer import TrainingSettings, train_and_answer
from stser_core.training.baselines.usable import Usable, usable
from stser_core.training.baselines.words import PADDING, Vocabulary
from stser_core.training.sound_cache import SoundCache
from stser_core.training.splits import Fold


@dataclass(frozen=True)
class Mdre:
    """Two recurrent encoders side by side.

    Attributes:
        name: As the table prints it.
        units: Of each encoder.
        embedding: Length of a word's vector.
        dropout: Share of each encoder's state that is left out in training.
        training: See `TrainingSettings`.
    """

    name: str = "MDRE-like"
    units: int = 128
    embedding: int = 100
    dropout: float = 0.3
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def answer(self, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`; it takes both sound and text."""
        clips = usable(fold, self.name, sounds=sounds, text=True)
        if not clips.test:
            return clips.answers(np.zeros((0, len(LABELS)), dtype=np.float32))
        vocabulary = Vocabulary.of(clip.text or "" for clip in clips.train)
        prosody = _prosody(clips, sounds, cache)
        width = len(next(iter(prosody.values())))
        return clips.answers(
            train_and_answer(
                lambda: DualEncoder(self, len(vocabulary), width),
                clips,
                sounds,
                NetworkCollator(vocabulary, prosody),
                self.training,
                cache,
                seed,
            )
        )


class DualEncoder(nn.Module):
    """The network."""

    def __init__(self, settings: Mdre, words: int, prosody: int) -> None:
        super().__init__()
        units = settings.units
        self.speech = nn.GRU(FEATURES.mel_bands, units, batch_first=True)
        self.embedding = nn.Embedding(words, settings.embedding, padding_idx=PADDING)
        self.text = nn.GRU(settings.embedding, units, batch_first=True)
        self.speech_dense = nn.Linear(units + prosody, units)
        self.text_dense = nn.Linear(units, units)
        self.classes = nn.Linear(2 * units, len(LABELS))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, batch: NetworkBatch) -> Tensor:
        """Answer a batch with logits, float32 [batch, labels]."""
        heard = self.dropout(_last(self.speech(batch.sound)[0], batch.frames))  # [batch, units]
        read = self.dropout(_last(self.text(self.embedding(batch.words))[0], batch.counts))
        heard = torch.tanh(self.speech_dense(torch.cat([heard, batch.prosody], dim=1)))
        read = torch.tanh(self.text_dense(read))
        logits: Tensor = self.classes(torch.cat([heard, read], dim=1))
        return logits


def _last(states: Tensor, counts: Tensor) -> Tensor:
    """The state at each sequence's own end: from [batch, n, units] to [batch, units]."""
    return states[torch.arange(len(states), device=states.device), counts - 1]


def _prosody(clips: Usable, sounds: SoundCache, cache: Path) -> dict[str, NDArray[np.float32]]:
    """The prosodic vector of every clip by its id, standardised by the training part."""
    columns = prosody_columns()
    train = functionals(clips.train, sounds, cache)[:, columns]
    mean, deviation = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-6)
    every = clips.train + clips.validation + clips.test
    # Far outliers are pitch trackers' slips; clipped, they cannot swamp the encoder's state beside them.
    standard = np.clip((functionals(every, sounds, cache)[:, columns] - mean) / deviation, -5.0, 5.0)
    return {clip.id: row for clip, row in zip(every, standard.astype(np.float32), strict=True)}
