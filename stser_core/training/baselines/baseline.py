"""The protocol of a baseline, and the clips of a fold that one can learn from and answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.tokenizer import normalise
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.splits import Fold


class Usable(NamedTuple):
    """The clips of a fold that have what a baseline reads: to train on, of two labels or more; the rest may be none."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


class Baseline(Protocol):
    """Learns from a fold's training part and answers its test part."""

    @property
    def name(self) -> str:
        """As the table prints it."""

    @property
    def reads(self) -> Sequence[str]:
        """What a clip must have: `sound`, `text` or both."""

    def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """Train, and answer every test clip, of which there is one at least; features may be kept in the cache.

        Returns float32 [test clips, labels] in the order of `LABELS`: probabilities, or 1 for what was decided on.
        """


def usable(fold: Fold, baseline: Baseline, sounds: SoundCache) -> Usable:
    """Choose the clips that have what a baseline reads; raises `DataError` where fewer than two labels are left."""

    def fits(clip: Clip) -> bool:
        sounding = "sound" not in baseline.reads or sounds.length(clip) > 0
        return sounding and ("text" not in baseline.reads or bool(normalise(clip.text or "")))

    chosen = Usable(*(tuple(filter(fits, part)) for part in (fold.train, fold.validation, fold.test)))
    found = sorted({clip.label for clip in chosen.train})
    if len(found) < 2:
        some = f"all {len(chosen.train):,} of them are {found[0]}" if found else f"none of {len(fold.train):,} has that"
        raise DataError(
            f"{baseline.name} cannot be trained in fold {fold.name}: it learns from clips with "
            f"{' and '.join(baseline.reads)}, and {some}; add data, or leave this baseline out."
        )
    return chosen


def targets(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Each clip's label: int64 [clips], indices into `LABELS`."""
    return np.array([LABELS.index(clip.label) for clip in clips], dtype=np.int64)
