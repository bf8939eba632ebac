"""Texts as batches of word pieces, each with what a model shall say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from stser_core.training.examples import Draw

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class Sentences(Dataset["Sentence"]):
    """Texts as pieces, and what is to be said of each: a teacher's vector, or how likely each label is."""

    def __init__(
        self,
        pieces: Sequence[NDArray[np.int32]],
        targets: NDArray[np.float16] | NDArray[np.float32],
        rows: NDArray[np.int64],
    ) -> None:
        """Choose some texts.

        Args:
            pieces: Of each text, int32 [n] with the special ones at both ends.
            targets: Float [texts, size].
            rows: int64 [n], which of them take part.
        """
        self._pieces = pieces
        self._targets = targets
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, draw: Draw | int) -> Sentence:
        position = self._rows[draw.position if isinstance(draw, Draw) else draw]
        return Sentence(self._pieces[position], self._targets[position], draw)

    def lengths(self) -> list[int]:
        """Pieces of each."""
        return [len(self._pieces[position]) for position in self._rows]


class Sentence(NamedTuple):
    """A text's pieces, what is to be said of it, and, where it is learnt from, which draw it is."""

    pieces: NDArray[np.int32]
    target: NDArray[np.float16] | NDArray[np.float32]
    draw: Draw | int


class SentenceCollator:
    """Puts texts into a padded batch; of those that are learnt from, some pieces are left out."""

    def __init__(self, dropped: float, seed: int) -> None:
        """Prepare.

        Args:
            dropped: Share of the pieces that are left out, as a recogniser drops words.
            seed: Fixes which.
        """
        self._dropped = dropped
        self._seed = seed

    def __call__(self, sentences: Sequence[Sentence]) -> dict[str, Tensor]:
        """Make a batch: `pieces` and `mask` int64 [batch, n], `targets` float32 [batch, size]."""
        pieces = [torch.from_numpy(self._kept(one).astype(np.int64)) for one in sentences]
        lengths = torch.tensor([len(one) for one in pieces])
        padded = pad_sequence(pieces, batch_first=True)
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        targets = torch.from_numpy(np.stack([one.target for one in sentences]).astype(np.float32))
        return {"pieces": padded, "mask": mask, "targets": targets}

    def _kept(self, sentence: Sentence) -> NDArray[np.int32]:
        if not isinstance(sentence.draw, Draw):
            return sentence.pieces
        dice = np.random.default_rng((self._seed, sentence.draw.epoch, sentence.draw.position))
        kept = dice.random(len(sentence.pieces)) >= self._dropped
        kept[[0, -1]] = True
        return sentence.pieces[kept]
