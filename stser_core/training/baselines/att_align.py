"""Att-align-like: words that find their sound by attention, after Xu et al. 2019 (https://arxiv.org/abs/1909.05645).

As in the paper (section 2): a bidirectional LSTM reads the speech frames and another one the words; each word attends
to the frames, which aligns the two without time stamps; the word's state and the sound it attended to are joined, a
third bidirectional LSTM reads these, and the maximum over the words goes to a dense layer. What differs:

* words: GloVe vectors are not at hand, so embeddings are learnt from the training texts alone;
* frames: 40 log-mel bands every 20 ms for at most 15 s, where the paper has 34 short-term features;
* the attention's score is additive, over a hidden layer half as wide as the encoders' states;
* size and stopping: 64 units a direction; validation accuracy stops the training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stser_core.emotions import LABELS
from stser_core.features import frame_mask
from stser_core.smodel import BiLstm
from stser_core.training.baselines.network_batches import FEATURES, NetworkBatch, NetworkCollator
from stser_core.training.baselines.network_trainer import TrainingSettings, train_and_answer
from stser_core.training.baselines.usable import usable
from stser_core.training.baselines.words import PADDING, Vocabulary
from stser_core.training.sound_cache import SoundCache
from stser_core.training.splits import Fold


@dataclass(frozen=True)
class AttAlign:
    """Words aligned with speech frames by attention.

    Attributes:
        name: As the table prints it.
        units: Of each direction of each LSTM.
        embedding: Length of a word's vector.
        dropout: Share of each LSTM's output that is left out in training.
        training: See `TrainingSettings`.
    """

    name: str = "Att-align-like"
    units: int = 64
    embedding: int = 100
    dropout: float = 0.3
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def answer(self, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`; it takes both sound and text."""
        clips = usable(fold, self.name, sounds=sounds, text=True)
        if not clips.test:
            return clips.answers(np.zeros((0, len(LABELS)), dtype=np.float32))
        vocabulary = Vocabulary.of(clip.text or "" for clip in clips.train)
        return clips.answers(
            train_and_answer(
                lambda: AlignedEncoder(self, len(vocabulary)),
                clips,
                sounds,
                NetworkCollator(vocabulary),
                self.training,
                cache,
                seed,
            )
        )


class AlignedEncoder(nn.Module):
    """The network."""

    def __init__(self, settings: AttAlign, words: int) -> None:
        super().__init__()
        size = 2 * settings.units
        self.speech = BiLstm(FEATURES.mel_bands, settings.units)
        self.embedding = nn.Embedding(words, settings.embedding, padding_idx=PADDING)
        self.text = BiLstm(settings.embedding, settings.units)
        self.alignment = Alignment(size)
        self.both = BiLstm(2 * size, settings.units)
        self.classes = nn.Linear(size, len(LABELS))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, batch: NetworkBatch) -> Tensor:
        """Answer a batch with logits, float32 [batch, labels]."""
        heard = self.dropout(self.speech(batch.sound, batch.frames))  # [batch, frames, size]
        read = self.dropout(self.text(self.embedding(batch.words), batch.counts))  # [batch, words, size]
        aligned = self.alignment(read, heard, batch.frames)
        joined = self.dropout(self.both(torch.cat([aligned, read], dim=2), batch.counts))
        inside = frame_mask(batch.counts, joined.shape[1])[:, :, None]
        logits: Tensor = self.classes(joined.masked_fill(~inside, -torch.inf).amax(dim=1))
        return logits


class Alignment(nn.Module):
    """Attention of each word to the speech frames."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.of_word = nn.Linear(size, size // 2)
        self.of_frame = nn.Linear(size, size // 2, bias=False)
        self.score = nn.Linear(size // 2, 1, bias=False)

    def forward(self, words: Tensor, speech: Tensor, frames: Tensor) -> Tensor:
        """Gather, for each word, the speech that it attends to.

        `words`: float32 [batch, words, size]. `speech`: float32 [batch, frames, size]. `frames`: int64 [batch]; what
        lies behind is never attended to.

        Returns float32 [batch, words, size].
        """
        pairs = torch.tanh(self.of_word(words)[:, :, None] + self.of_frame(speech)[:, None])
        scores = self.score(pairs).squeeze(3)  # [batch, words, frames]
        outside = ~frame_mask(frames, speech.shape[1])[:, None]
        weights = scores.masked_fill(outside, -torch.inf).softmax(dim=2)
        return torch.bmm(weights, speech)
