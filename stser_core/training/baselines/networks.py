"""Two networks of speech and text: MDRE-like and Att-align-like, trained by the same loop as STSER.

Both are own implementations from the papers' descriptions. What differs from both papers: GloVe vectors do not ship
with this project, so embeddings are learnt from the training texts alone, which costs accuracy; frames are 40 log-mel
bands every 20 ms for at most 15 s; validation accuracy stops the training.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stser_core.config import SAMPLE_RATE, FeatureConfig
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.features import log_mel
from stser_core.files import writing
from stser_core.frontend import frame_mask, pad_frames
from stser_core.smodel import BiLstm
from stser_core.tokenizer import normalise
from stser_core.training.baselines.baseline import Usable, functionals, prosody_columns, targets
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.examples import TrainingBatches
from stser_core.training.loop import Epoch, LoopConfig, ctrl_c, train
from stser_core.training.metrics import measure

FEATURES = FeatureConfig(mel_bands=40, hop_ms=20.0)
PADDING, UNKNOWN = 0, 1

_LONGEST = 15 * SAMPLE_RATE
_MOST_WORDS = 128
_EVALUATION_BATCH = 32


@dataclass(frozen=True)
class NetworkBaseline:
    """A network of speech and text."""

    reads: ClassVar = ("sound", "text")

    name: str  # as the table prints it
    network: "type[DualEncoder] | type[AlignedEncoder]"
    units: int  # of each recurrent layer and direction
    embedding: int = 100  # length of a word's vector
    dropout: float = 0.3  # proportion of each recurrent layer's output, in training
    batch: int = 32  # clips in a batch
    # its seed is replaced
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=60, patience=10, learning_rate=1e-3))

    def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`."""
        if not clips.validation:
            raise DataError("A baseline network has no validation clip with sound and text to stop by; add data.")
        torch.manual_seed(seed)
        learner = Learner(self, clips, sounds, cache)
        learner.to("cuda" if torch.cuda.is_available() else "cpu")
        batches = TrainingBatches(
            lambda places, _: learner.batch([clips.train[place] for place in places]),
            [sounds.length(clip) for clip in clips.train],
            np.ones(len(clips.train)),
            self.batch,
            seed,
        )
        with writing(cache):
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=cache, prefix="baseline-") as folder, ctrl_c() as pressed:
                loop = replace(self.loop, seed=seed)
                train(learner, batches, lambda: learner.validate(clips.validation), loop, Path(folder), pressed)
        if pressed.is_set():
            raise KeyboardInterrupt
        return learner.answer(clips.test)


class DualEncoder(nn.Module):
    """A multimodal dual recurrent encoder, after Yoon et al. 2018 (https://arxiv.org/abs/1810.04635, section 3).

    One recurrent network reads the speech frames and one the words; the last state of the first is joined with a
    prosodic vector of the utterance; each side goes through a dense layer, and one dense layer over both gives the
    classes. The paper has 39 MFCC values every 10 ms for at most 7.5 s, averages of openSMILE's 35 prosodic contours
    where this has the 26 functionals of eGeMAPS on pitch, loudness and voicing, and 200 units.
    """

    def __init__(self, settings: NetworkBaseline, words: int, prosody: int) -> None:
        super().__init__()
        units = settings.units
        self.speech = nn.GRU(FEATURES.mel_bands, units, batch_first=True)
        self.embedding = nn.Embedding(words, settings.embedding, padding_idx=PADDING)
        self.text = nn.GRU(settings.embedding, units, batch_first=True)
        self.speech_dense = nn.Linear(units + prosody, units)
        self.text_dense = nn.Linear(units, units)
        self.classes = nn.Linear(2 * units, len(LABELS))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, sound: Tensor, frames: Tensor, words: Tensor, counts: Tensor, prosody: Tensor) -> Tensor:
        """Logits float32 [batch, labels] of a batch; see `Learner.batch`."""
        speech = self.dropout(_last(self.speech(sound)[0], frames))  # [batch, units]
        text = self.dropout(_last(self.text(self.embedding(words))[0], counts))
        speech = torch.tanh(self.speech_dense(torch.cat([speech, prosody], dim=1)))
        text = torch.tanh(self.text_dense(text))
        logits: Tensor = self.classes(torch.cat([speech, text], dim=1))
        return logits


class AlignedEncoder(nn.Module):
    """Words that find their sound by attention, after Xu et al. 2019 (https://arxiv.org/abs/1909.05645, section 2).

    A bidirectional LSTM reads the speech frames and another one the words; each word attends to the frames, which
    aligns the two without time stamps; the word's state and the sound it attended to are joined, a third bidirectional
    LSTM reads these, and the maximum over the words goes to a dense layer. The paper has 34 short-term features; the
    attention's score is additive here, over a hidden layer half as wide as the encoders' states.
    """

    def __init__(self, settings: NetworkBaseline, words: int, prosody: int) -> None:
        super().__init__()
        size = 2 * settings.units
        self.speech = BiLstm(FEATURES.mel_bands, settings.units)
        self.embedding = nn.Embedding(words, settings.embedding, padding_idx=PADDING)
        self.text = BiLstm(settings.embedding, settings.units)
        self.of_word = nn.Linear(size, size // 2)
        self.of_frame = nn.Linear(size, size // 2, bias=False)
        self.score = nn.Linear(size // 2, 1, bias=False)
        self.both = BiLstm(2 * size, settings.units)
        self.classes = nn.Linear(size, len(LABELS))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, sound: Tensor, frames: Tensor, words: Tensor, counts: Tensor, prosody: Tensor) -> Tensor:
        """Logits float32 [batch, labels] of a batch; see `Learner.batch`."""
        speech = self.dropout(self.speech(sound, frames))  # [batch, frames, size]
        text = self.dropout(self.text(self.embedding(words), counts))  # [batch, words, size]
        pairs = torch.tanh(self.of_word(text)[:, :, None] + self.of_frame(speech)[:, None])
        scores = self.score(pairs).squeeze(3)  # [batch, words, frames]
        outside = ~frame_mask(frames, speech.shape[1])[:, None]
        aligned = torch.bmm(scores.masked_fill(outside, -torch.inf).softmax(dim=2), speech)
        both = self.dropout(self.both(torch.cat([aligned, text], dim=2), counts))
        inside = frame_mask(counts, both.shape[1])[:, :, None]
        logits: Tensor = self.classes(both.masked_fill(~inside, -torch.inf).amax(dim=1))
        return logits


class Vocabulary:
    """Numbers for words; 0 is padding, 1 every word that was not met in training."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Number all words that occur at least twice; the others train the vector of unknown words."""
        counts = Counter(word for text in texts for word in normalise(text).split())
        words = sorted(word for word, count in counts.items() if count > 1)
        self._numbers = {word: number for number, word in enumerate(words, start=UNKNOWN + 1)}

    def __len__(self) -> int:
        return len(self._numbers) + UNKNOWN + 1

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Number the words of texts, of which each has at least one; only the first 128 words are read.

        Returns int64 [texts, longest], 0 after each end, and int64 [texts], the words in each.
        """
        read = [normalise(text).split()[:_MOST_WORDS] for text in texts]
        rows = [torch.tensor([self._numbers.get(word, UNKNOWN) for word in words]) for words in read]
        numbers = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
        return numbers, torch.tensor([len(row) for row in rows])


class Learner(nn.Module):
    """A network with its loss: plain cross-entropy, as both papers have it."""

    def __init__(self, settings: NetworkBaseline, clips: Usable, sounds: SoundCache, cache: Path) -> None:
        """Make the network, the vocabulary, and for MDRE the prosodic vector of each clip by its id."""
        super().__init__()
        self.sounds, self._vocabulary = sounds, Vocabulary(clip.text or "" for clip in clips.train)
        self._prosody = _prosody(clips, sounds, cache) if settings.network is DualEncoder else {}
        self._width = len(next(iter(self._prosody.values()), ()))
        self.network = settings.network(settings, len(self._vocabulary), self._width)

    @torch.no_grad()
    def batch(self, clips: Sequence[Clip]) -> dict[str, Tensor]:
        """The arguments of `forward`; only the first 15 s of a sound are used.

        `sound` float32 [batch, frames, bands], log-mel, and `frames` int64 [batch] of each; `words` int64 [batch,
        words], and `counts` int64 [batch] of each; `prosody` float32 [batch, n]; `labels` int64 [batch].
        """
        device = next(self.parameters()).device
        sounds = [log_mel(self.sounds.samples(clip)[:_LONGEST], FEATURES) for clip in clips]
        sound, frames = pad_frames([torch.from_numpy(one.T) for one in sounds])
        words, counts = self._vocabulary([clip.text or "" for clip in clips])
        none = np.zeros(self._width, dtype=np.float32)
        prosody = torch.from_numpy(np.stack([self._prosody.get(clip.id, none) for clip in clips]))
        batch = {"sound": sound, "frames": frames, "words": words, "counts": counts}
        batch |= {"prosody": prosody, "labels": torch.from_numpy(targets(clips))}
        return {name: one.to(device) for name, one in batch.items()}

    def forward(self, labels: Tensor, **inputs: Tensor) -> Tensor:
        """The loss of a batch."""
        return cross_entropy(self.network(**inputs), labels)

    @torch.no_grad()
    def answer(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """Probabilities of clips: float32 [clips, labels]."""
        self.eval()
        found = []
        for start in range(0, len(clips), _EVALUATION_BATCH):
            batch = self.batch(clips[start : start + _EVALUATION_BATCH])
            del batch["labels"]
            found.append(self.network(**batch).softmax(1).float().cpu().numpy())
        return np.concatenate(found)

    def validate(self, clips: Sequence[Clip]) -> Epoch:
        """WA and UA."""
        measured = measure(targets(clips), self.answer(clips))
        return {"wa": measured.wa, "ua": measured.ua}


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
