"""Examples for the trainer: clips, augmented, joined with texts, and put into padded batches.

Whatever is drawn for an example follows from the run's seed, the epoch and the clip's position alone, so the same
seed gives the same training, whichever process or worker makes the example, and after a resumed run too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from stser_core.emotions import LABELS, index
from stser_core.features import LogMel, frame_mask, pad
from stser_core.scores import CLASSIFIERS
from stser_core.training.augmentation import Augmentation, change_sound, change_spectrogram, change_words, joined
from stser_core.training.pairs import NEUTRAL, Example, Pairing, as_recorded

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.tmodel import Tokenizer
    from stser_core.training.clip import Clip
    from stser_core.training.lessons import Lesson
    from stser_core.training.sound_cache import SoundCache

VALIDATION_EPOCH = -1
"""Stands for the epoch where an example is drawn once and for all."""

_ROUNDED = 32
"""Frames of a batch are a multiple of this: for every other shape, the CPU's kernels take and keep memory of their own
(4 GB after some hundred shapes)."""

_NO_SOUND = np.zeros(0, dtype=np.float32)


class Draw(NamedTuple):
    """Which clip, and in which epoch it is drawn."""

    position: int
    epoch: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """An example before it is padded.

    Attributes:
        example: What is to be told of it.
        sound: Its waveform, empty without sound.
        dice: What is drawn for it later.
        lesson: Its teacher's, if there is one.
        row: Its place among all clips of the run.
    """

    example: Example
    sound: NDArray[np.float32]
    dice: Generator
    lesson: Lesson | None = None
    row: int = 0


class Examples(Dataset[Prepared]):
    """Clips as examples."""

    def __init__(
        self,
        clips: Sequence[Clip],
        sounds: SoundCache,
        *,
        pairing: Pairing | None = None,
        own_words: bool = True,
        augmentation: Augmentation | None = None,
        words: Sequence[str] = (),
        lessons: Sequence[Lesson] | None = None,
        seed: int = 0,
        first_row: int = 0,
    ) -> None:
        """Prepare the clips.

        Args:
            clips: In this order.
            sounds: Has the sound of each.
            pairing: Joins a clip with a text; `None` leaves each as it was recorded.
            own_words: Clips that have words of their own keep them, whatever `pairing` could give.
            augmentation: `None` leaves the sound as it is.
            words: Those that may be swapped for a text's own.
            lessons: What a teacher makes of each clip, as it is; `None` without a teacher.
            seed: Fixes what is drawn.
            first_row: Place of the first clip among all of the run.
        """
        self.clips = tuple(clips)
        self._sounds = sounds
        self._pairing = pairing
        self._own_words = own_words
        self._augmentation = augmentation
        self._words = words
        self._lessons = lessons
        self._seed = seed
        self._first_row = first_row
        self._neutral = {
            corpus: [clip for clip in clips if clip.corpus == corpus and clip.label == NEUTRAL and clip.path]
            for corpus in {clip.corpus for clip in clips}
        }

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, draw: Draw | int) -> Prepared:
        position, epoch = draw if isinstance(draw, Draw) else (draw, VALIDATION_EPOCH)
        dice = np.random.default_rng((self._seed, epoch + 1, position))
        clip = self.clips[position]
        lesson = None if self._lessons is None else self._lessons[position]
        row = self._first_row + position
        return Prepared(self._example(clip, dice), self._sound(clip, dice), dice, lesson, row)

    def length(self, position: int) -> int:
        """Samples in a clip's sound before it is augmented; pieces of text where there is only text."""
        return self._sounds.length(self.clips[position]) or len(self.clips[position].text or "")

    def _example(self, clip: Clip, dice: Generator) -> Example:
        own = self._pairing is None or (clip.text and self._own_words)
        example = as_recorded(clip) if own or self._pairing is None else self._pairing.join(clip, dice)
        if self._augmentation is None or example.text is None:
            return example
        return replace(example, text=change_words(example.text, self._augmentation, self._words, dice))

    def _sound(self, clip: Clip, dice: Generator) -> NDArray[np.float32]:
        if clip.path is None:
            return _NO_SOUND
        sound = self._sounds.samples(clip)
        settings = self._augmentation
        if settings is None:
            return sound
        neutral = self._neutral[clip.corpus]
        if neutral and clip.label != NEUTRAL and dice.random() < settings.concatenation:
            sound = joined(sound, self._sounds.samples(neutral[int(dice.integers(len(neutral)))]), dice)
        return change_sound(sound, settings, dice)


class Collator:
    """Puts examples into a padded batch of spectrograms, word pieces, targets and their weights."""

    def __init__(
        self,
        logmel: LogMel,
        tokenizer: Tokenizer | None,
        augmentation: Augmentation | None,
        smoothing: float = 0.0,
        *,
        opinions: bool = True,
    ) -> None:
        """Prepare.

        Args:
            logmel: Of the model.
            tokenizer: `None` where no classifier reads text.
            augmentation: Of the spectrograms; `None` for none.
            smoothing: Share of each target that is spread over all labels.
            opinions: Whether the targets are those of `Clip.aim`, as in training, or the labels, to judge by.
        """
        self._opinions = opinions
        self._logmel = logmel
        self._tokenizer = tokenizer
        self._augmentation = augmentation
        self._smoothing = smoothing

    @torch.no_grad()
    def __call__(self, prepared: Sequence[Prepared]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            `spectrograms` float32 [batch, bands, frames] and `frames` int64 [batch], where there is any sound;
            `pieces` and `mask` int64 [batch, n], where text is read; `targets` float32 [batch, classifiers,
            labels]; `weights` float32 [batch, classifiers], 0 where a classifier has nothing to learn from; `rows`
            int64 [batch];
            and where there is a teacher, `directions` float32 [batch, n], `moments` float32 [batch, longest, n] with
            `moment_frames` int64 [batch], and `advice` float32 [batch, labels].
        """
        batch: dict[str, Tensor] = {}
        targets, weights = self._targets([one.example for one in prepared])
        if any(len(one.sound) for one in prepared):
            spectrograms, frames = self._spectrograms(prepared)
            targets = self._mix(spectrograms, frames, targets, prepared[0].dice)
            batch |= {"spectrograms": spectrograms, "frames": frames}
        if self._tokenizer is not None:
            encoded = self._tokenizer([one.example.text or "" for one in prepared])
            batch |= {"pieces": encoded.pieces, "mask": encoded.mask}
        rows = torch.tensor([one.row for one in prepared])
        return batch | {"targets": targets, "weights": weights, "rows": rows} | _lessons(prepared)

    def _spectrograms(self, prepared: Sequence[Prepared]) -> tuple[Tensor, Tensor]:
        spectrograms, frames = self._logmel(*pad([one.sound for one in prepared]))
        spectrograms = functional.pad(spectrograms, (0, -spectrograms.shape[-1] % _ROUNDED))
        if self._augmentation is not None:
            for row, one in enumerate(prepared):
                inside = spectrograms[row, :, : frames[row]]
                inside.copy_(change_spectrogram(inside, self._augmentation, one.dice))
        return spectrograms, frames

    def _targets(self, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        targets = torch.zeros(len(examples), len(CLASSIFIERS), len(LABELS))
        weights = torch.zeros(len(examples), len(CLASSIFIERS))
        for row, example in enumerate(examples):
            labels = (example.speech_label, example.text_label, example.bimodal_label)
            for column, label in enumerate(labels):
                if label is not None:
                    targets[row, column] = self._wanted(example, label)
                    weights[row, column] = 1.0
        return targets * (1 - self._smoothing) + self._smoothing / len(LABELS), weights

    def _wanted(self, example: Example, label: str) -> Tensor:
        """What a classifier should answer, float32 [labels]: the label or, of a clip as it is, what its judges said."""
        if example.kind is None and self._opinions:
            return torch.tensor(example.clip.aim)
        wanted = torch.zeros(len(LABELS))
        wanted[index(label)] = 1.0
        return wanted

    def _mix(self, spectrograms: Tensor, frames: Tensor, targets: Tensor, dice: Generator) -> Tensor:
        """Mixup of neighbours in the batch, within the shorter one's frames; words are not mixed."""
        if self._augmentation is None or self._tokenizer is not None:
            return targets
        chosen = torch.from_numpy(dice.random(len(frames)) < self._augmentation.mixup)
        share = torch.from_numpy(np.where(chosen, dice.beta(0.3, 0.3, len(frames)), 1.0)).float()
        share = torch.maximum(share, 1 - share)
        inside = frame_mask(frames, spectrograms.shape[-1])[:, None, :]
        mixed = share[:, None, None] * spectrograms + (1 - share)[:, None, None] * spectrograms.roll(1, 0)
        spectrograms.copy_(mixed * inside)
        return share[:, None, None] * targets + (1 - share)[:, None, None] * targets.roll(1, 0)


def _lessons(prepared: Sequence[Prepared]) -> dict[str, Tensor]:
    lessons = [one.lesson for one in prepared if one.lesson is not None]
    if not lessons:
        return {}
    return {
        "directions": torch.from_numpy(np.stack([lesson.vector for lesson in lessons])),
        "moments": pad_sequence([torch.from_numpy(lesson.moments).float() for lesson in lessons], batch_first=True),
        "moment_frames": torch.tensor([len(lesson.moments) for lesson in lessons]),
        "advice": torch.from_numpy(np.stack([lesson.probabilities for lesson in lessons])),
    }
