"""Voices to get used to: in training drawn from what the clips' speakers said elsewhere, in validation heard in turn.

The classifiers learn to judge an utterance of a voice of which none, a few or many utterances were heard. Most of these
are drawn among the neutral ones: nobody speaks as evenly in all moods as an acted corpus does, and what is usual for a
caller is to be calm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import log2
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from stser_core.adaptation import MEMORY, shift
from stser_core.emotions import LABELS, index
from stser_core.training.distributed import gathered
from stser_core.training.pairs import NEUTRAL

if TYPE_CHECKING:
    from stser_core.training.clip import Clip


_NEW = 0.25
_CALM = 0.5
"""At least this share of what was heard of a voice is neutral, of a speaker with as many clips of each label. Every
clip is as likely as its label says, so that one with few neutral clips is heard calm less often (of a RAVDESS actor,
with half as many neutral as other ones, 63 % on average are neutral instead of 75)."""

_NEVER = 1e-6
_ORDER_SEED = 0


class Voices:
    """Who says what among clips, and a draw of what is known of a clip's voice."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        """Sort clips by their speakers.

        Args:
            clips: In the order of their vectors' rows.
        """
        rows: dict[str, list[int]] = defaultdict(list)
        for row, clip in enumerate(clips):
            rows[clip.speaker].append(row)
        self._speakers = [clip.speaker for clip in clips]
        self._rows = {speaker: torch.tensor(some) for speaker, some in rows.items()}
        self._labels = torch.tensor([index(clip.label) for clip in clips])

    def shifts(self, wanted: Sequence[int], vectors: Tensor, usual: Tensor, there: Tensor | None = None) -> Tensor:
        """What the voices of some clips add, as far as it is known in this draw; see `adaptation.shift`.

        Of a quarter of the voices nothing is known; of the others from one to `MEMORY` utterances, drawn evenly on a
        logarithmic scale. How likely a neutral clip is among them is drawn evenly from `_CALM` on; the other moods
        share the rest.

        Args:
            wanted: The clips' rows.
            vectors: float32 [clips, size], of all.
            usual: float32 [size], their mean.
            there: Bool [clips], which of the vectors are there; all by default.

        Returns:
            float32 [wanted, size].
        """
        return torch.stack([self._shift(row, vectors, usual, there) for row in wanted])

    def _shift(self, row: int, vectors: Tensor, usual: Tensor, there: Tensor | None) -> Tensor:
        rows = self._rows[self._speakers[row]]
        rows = rows[rows != row]
        if there is not None:
            rows = rows[there[rows].cpu()]
        known = min(len(rows), int(2 ** (torch.rand(()) * log2(MEMORY))))
        if known == 0 or torch.rand(()) < _NEW:
            return torch.zeros_like(usual)
        drawn = rows[_moods()[self._labels[rows]].multinomial(known, replacement=True)]
        return shift(vectors[drawn].mean(dim=0), known, usual)


def _moods() -> Tensor:
    """How likely an utterance of each label is to be among what was heard: float32 [labels]."""
    calm = _CALM + (1 - _CALM) * torch.rand(())
    moods = torch.rand(len(LABELS)).clamp_min(_NEVER).log().neg()  # parts of a whole that are drawn evenly
    moods[index(NEUTRAL)] = 0.0
    moods *= (1 - calm) / moods.sum()
    moods[index(NEUTRAL)] = calm
    return moods + _NEVER  # of a speaker who has no other clips, these are drawn


class VoiceBank(nn.Module):
    """The speech vectors of clips as they were last heard; so what a voice adds can be drawn while they still change.

    Attributes:
        vectors: float32 [clips, size].
        there: Bool [clips], which of them were heard already.
    """

    vectors: Tensor
    there: Tensor

    def __init__(self, train: Sequence[Clip], validation: Sequence[Clip], size: int) -> None:
        """Prepare.

        Args:
            train: The clips that are learnt from, in the order of their rows.
            validation: Those that come after them.
            size: Of the speech vectors.
        """
        super().__init__()
        clips = (*train, *validation)
        self._train = len(train)
        self._voices = Voices(clips)
        self._sound = torch.tensor([clip.path is not None for clip in clips])
        self._before = _heard_before(clips, range(len(train), len(clips)))
        self.register_buffer("vectors", torch.zeros(len(clips), size))
        self.register_buffer("there", torch.zeros(len(clips), dtype=torch.bool))

    @torch.no_grad()
    def hear(self, rows: Tensor, vectors: Tensor) -> None:
        """Remember a batch, with what other processes have of it: int64 [batch] rows, float32 [batch, size] vectors."""
        rows, vectors = gathered(rows), gathered(vectors.detach().float())
        sound = self._sound.to(rows.device)[rows]
        self.vectors[rows[sound]] = vectors[sound]
        self.there[rows[sound]] = True

    @property
    def usual(self) -> Tensor:
        """The mean of the training clips' vectors, as far as they were heard: float32 [size]."""
        there = self.there[: self._train]
        return self.vectors[: self._train][there].mean(dim=0) if there.any() else self.vectors[0]

    @torch.no_grad()
    def shifts(self, rows: Tensor, usual: Tensor) -> Tensor:
        """What the voices of a batch add, drawn; see `Voices.shifts`."""
        return self._voices.shifts(rows.tolist(), self.vectors, usual, self.there)

    @torch.no_grad()
    def shifts_in_turn(self, rows: Tensor, usual: Tensor) -> Tensor:
        """What the voices of a validation batch add, where the clips are heard one after the other in a drawn order.

        So they are judged and calibrated as the monitor listens; see `adaptation.shift`.
        """
        return torch.stack([self._shift_in_turn(row, usual) for row in rows.tolist()])

    def _shift_in_turn(self, row: int, usual: Tensor) -> Tensor:
        before = self._before[row]
        before = before[self.there[before].cpu()]
        if not len(before):
            return torch.zeros_like(usual)
        return shift(self.vectors[before].mean(dim=0), len(before), usual)


def _heard_before(clips: Sequence[Clip], judged: Sequence[int]) -> dict[int, Tensor]:
    """The last `MEMORY` of the same speaker's clips before each, where those that are judged come in a drawn order."""
    heard: dict[str, list[int]] = defaultdict(list)
    before = {}
    for place in np.random.default_rng(_ORDER_SEED).permutation(len(judged)):
        row = judged[place]
        speaker = clips[row].speaker
        before[row] = torch.tensor(heard[speaker][-MEMORY:], dtype=torch.long)
        heard[speaker].append(row)
    return before
