"""The clips of a fold that a baseline can use, and its predictions in the fold's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.text import normalise
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.splits import Fold


@dataclass(frozen=True)
class Usable:
    """The clips of a fold that have what a baseline needs.

    Attributes:
        train: With at least two labels.
        validation: Possibly none.
        test: Possibly none.
        rows: The position of each clip of `test` in the fold's test part.
        asked: Clips in the fold's test part.
    """

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    rows: tuple[int, ...]
    asked: int

    def answers(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        """Put a baseline's answers in the fold's order.

        Args:
            given: float32 [clips of `test`, labels].

        Returns:
            float32 [asked, labels]; NaN for the clips that could not be answered.
        """
        answers = np.full((self.asked, len(LABELS)), np.nan, dtype=np.float32)
        answers[list(self.rows)] = given
        return answers


def usable(fold: Fold, baseline: str, *, sounds: SoundCache | None = None, text: bool = False) -> Usable:
    """Choose the clips that have what a baseline needs.

    Args:
        fold: Of all clips.
        baseline: Its name.
        sounds: Where it needs sound.
        text: Whether it needs text.

    Raises:
        DataError: The training clips that are left have fewer than two labels.
    """

    def fits(clip: Clip) -> bool:
        sounding = sounds is None or sounds.length(clip) > 0
        return sounding and (not text or bool(normalise(clip.text or "")))

    train, validation = (tuple(clip for clip in part if fits(clip)) for part in (fold.train, fold.validation))
    found = sorted({clip.label for clip in train})
    if len(found) < 2:
        needs = " and ".join([*(["sound"] if sounds is not None else []), *(["text"] if text else [])])
        raise DataError(
            f"{baseline} cannot be trained in fold {fold.name}: it learns from clips with {needs}, and "
            + (f"all {len(train):,} of them are {found[0]}" if found else f"none of {len(fold.train):,} has that")
            + "; add data, or leave this baseline out."
        )
    rows = tuple(row for row, clip in enumerate(fold.test) if fits(clip))
    return Usable(train, validation, tuple(fold.test[row] for row in rows), rows, len(fold.test))


def targets(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Each clip's label: int64 [clips], indices into `LABELS`."""
    return np.array([LABELS.index(clip.label) for clip in clips], dtype=np.int64)
