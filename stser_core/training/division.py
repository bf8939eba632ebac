"""Training, validation and test clips of one run on several corpora."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stser_core.errors import DataError, UsageError
from stser_core.training.folds import Fold, HoldOut, split_off

if TYPE_CHECKING:
    from stser_core.training.clip import Clip


def divide(clips: Sequence[Clip], hold_out: HoldOut, test_share: float = 0.0) -> Fold:
    """Divide the clips of one or several corpora.

    Corpora that fix their splits are divided by these, all together, so that one may be all test; each of the
    others is divided by itself, so that it is in each part.

    Args:
        clips: Of all corpora.
        hold_out: How validation clips are taken out of the training part, where no split fixes them.
        test_share: Share of the clips without fixed splits whose speakers are held out to test; 0 for none.

    Raises:
        DataError: A corpus fixes a split for some of its clips only, nothing is left to train or validate on, or
            two parts share a clip, a file or a speaker.
        UsageError: Speakers are to be held out of nothing.
    """
    if test_share and all(clip.split is not None for clip in clips):
        raise UsageError("--test-share: these data say themselves what is test, in their splits; leave the option out.")
    train, validation, test = _by_split([clip for clip in clips if clip.split is not None], clips, hold_out)
    for corpus in sorted({clip.corpus for clip in clips if clip.split is None}):
        own: tuple[Clip, ...] = tuple(clip for clip in clips if clip.corpus == corpus)
        if test_share:
            own, held = split_off(own, HoldOut("speaker", test_share, hold_out.seed))
            test += held
        learnt, validating = split_off(own, hold_out)
        train += learnt
        validation += validating
    return Fold("fit", train, validation, test, validation_by=hold_out.by)


def refuse_doubles(clips: Sequence[Clip]) -> None:
    """See that no clip and no recording is given twice.

    Raises:
        DataError: One is; the message counts them and names the first.
    """
    ids = Counter(clip.id for clip in clips)
    files = Counter(os.path.realpath(clip.path) for clip in clips if clip.path is not None)
    for what, counts in (("clip", ids), ("recording", files)):
        doubled = [name for name, count in counts.items() if count > 1]
        if doubled:
            raise DataError(
                f"{len(doubled):,} {what}{'s' * (len(doubled) > 1)} given more than once, {doubled[0]} first; "
                "give each corpus once."
            )


def _by_split(
    fixed: Sequence[Clip], clips: Sequence[Clip], hold_out: HoldOut
) -> tuple[tuple[Clip, ...], tuple[Clip, ...], tuple[Clip, ...]]:
    for corpus in sorted({clip.corpus for clip in fixed}):
        own = [clip for clip in clips if clip.corpus == corpus]
        without = sum(clip.split is None for clip in own)
        if without:
            raise DataError(
                f"{without:,} of {len(own):,} clips of {corpus} have no split, the others do; "
                "fill that column, or leave it empty."
            )
    train, validation, test = (
        tuple(clip for clip in fixed if clip.split == part) for part in ("train", "validation", "test")
    )
    if train and not validation:
        train, validation = split_off(train, hold_out)
    return train, validation, test
