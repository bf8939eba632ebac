"""Folds: which clips train, which decide when to stop, and which judge.

The paper leaves one session of IEMOCAP out, five times, and takes 20 % of the *training* part to validate (section
on the experiments). Nothing of the test part ever decides anything, and nobody is heard on two sides: a `Fold` that
would break this cannot be made.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from stser_core.errors import DataError, UsageError
from stser_core.training.clip import Clip
from stser_core.training.grouping import grouped, groups_near_share, random_share

HoldOutBy = Literal["speaker", "session", "utterances"]


@dataclass(frozen=True)
class HoldOut:
    """How validation clips are taken out of the training part.

    Attributes:
        by: `speaker` and `session` take whole ones, at least one; `utterances` takes clips at random within
            each label, so that the same speakers train and validate.
        share: Share of the training part's clips in 0…1; whole groups come as near as they can.
        seed: Another seed, other clips.

    Raises:
        UsageError: The share is not between 0 and 1.
    """

    by: HoldOutBy = "speaker"
    share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"A share of {self.share} cannot be held out; give one between 0 and 1.")


@dataclass(frozen=True)
class Fold:
    """Three parts that share no clip, no file and no speaker.

    Attributes:
        name: What is tested: a session, a corpus, or a number.
        train: Clips to train on.
        validation: Clips that decide when to stop.
        test: Clips to judge by; empty where a corpus's own split has none.
        validation_by: With `utterances`, training and validation may share speakers, as was asked for.

    Raises:
        DataError: Two parts share a clip, a file or a speaker, or there is nothing to train or validate on.
    """

    name: str
    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    validation_by: HoldOutBy = field(default="speaker", kw_only=True)

    def __post_init__(self) -> None:
        parts = {"training": self.train, "validation": self.validation, "test": self.test}
        for part in ("training", "validation"):
            if not parts[part]:
                raise DataError(f"Fold {self.name} has no clip for {part}; use fewer folds or more data.")
        _refuse_shared(self.name, parts, "clip", lambda clip: clip.id)
        _refuse_shared(self.name, parts, "file", _file)
        if self.validation_by == "utterances":
            parts = {"training and validation": self.train + self.validation, "test": self.test}
        _refuse_shared(self.name, parts, "speaker", lambda clip: clip.speaker)


def leave_one_session_out(clips: Sequence[Clip], hold_out: HoldOut) -> list[Fold]:
    """One fold for each session, as the paper does on IEMOCAP.

    Raises:
        DataError: A clip has no session, there is only one, or a speaker is in two.
    """
    without = sum(clip.session is None for clip in clips)
    if without:
        raise DataError(f"{without:,} of {len(clips):,} clips have no session; use folds by speaker.")
    return _leave_one_out(clips, "session", lambda clip: clip.session or "", hold_out)


def leave_one_corpus_out(clips: Sequence[Clip], hold_out: HoldOut) -> list[Fold]:
    """One fold for each corpus.

    Raises:
        DataError: There is only one corpus, or a speaker is in two.
    """
    return _leave_one_out(clips, "corpus", lambda clip: clip.corpus, hold_out)


def grouped_by_speaker(clips: Sequence[Clip], hold_out: HoldOut, folds: int = 5, seed: int = 0) -> list[Fold]:
    """Folds that keep each speaker together, alike in size and in labels as far as the speakers allow.

    Args:
        clips: All clips; each is tested once.
        hold_out: How to take validation clips out of each training part.
        folds: How many, at least two; with as many as speakers, one is left out at a time.
        seed: Another seed, other folds.

    Raises:
        DataError: There are fewer speakers than folds.
    """
    tests = grouped(clips, lambda clip: clip.speaker, "speaker", folds, seed)
    return [_fold(f"fold{number}", clips, test, hold_out) for number, test in enumerate(tests, start=1)]


def cross_validation(clips: Sequence[Clip], hold_out: HoldOut, folds: int = 5, seed: int = 0) -> list[Fold]:
    """Leave one session out where every clip has a session and there are several, else folds by speaker."""
    sessions = {clip.session for clip in clips}
    if None not in sessions and len(sessions) > 1:
        return leave_one_session_out(clips, hold_out)
    return grouped_by_speaker(clips, hold_out, folds, seed)


def split_off(clips: Sequence[Clip], hold_out: HoldOut) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Take the validation clips out of a training part.

    Returns:
        Training and validation clips, in the order in which they came.

    Raises:
        DataError: There is only one speaker, session or clip, so none can be held out.
    """
    if hold_out.by == "utterances":
        held = random_share(clips, hold_out.share, hold_out.seed)
    else:
        held = _groups_near_share(clips, hold_out)
    chosen = {clip.id for clip in held}
    return tuple(clip for clip in clips if clip.id not in chosen), held


def _groups_near_share(clips: Sequence[Clip], hold_out: HoldOut) -> tuple[Clip, ...]:
    """Whole groups whose size is as near to the share that was asked for as they can."""
    group_of = _session_of if hold_out.by == "session" else _speaker_of
    groups = len({group_of(clip) for clip in clips})
    if groups < 2:
        raise DataError(
            f"No {hold_out.by} can be held out for validation: the training part has only {groups}; "
            "hold out utterances, or add data."
        )
    return groups_near_share(clips, group_of, hold_out.by, hold_out.share, hold_out.seed)


def _speaker_of(clip: Clip) -> str:
    return clip.speaker


def _session_of(clip: Clip) -> str:
    if clip.session is None:
        raise DataError(f"Clip {clip.id} has no session to hold out by; hold out speakers or utterances.")
    return clip.session


def _leave_one_out(clips: Sequence[Clip], what: str, group_of: Callable[[Clip], str], hold_out: HoldOut) -> list[Fold]:
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[group_of(clip)].append(clip)
    if len(groups) < 2:
        raise DataError(f"To leave one {what} out takes two; found {', '.join(groups) or 'none'}.")
    return [_fold(name, clips, groups[name], hold_out) for name in sorted(groups)]


def _fold(name: str, clips: Sequence[Clip], test: Iterable[Clip], hold_out: HoldOut) -> Fold:
    """The fold that tests some clips, trains on the rest and validates on a part of the rest."""
    tested = tuple(test)
    ids = {clip.id for clip in tested}
    train, validation = split_off([clip for clip in clips if clip.id not in ids], hold_out)
    return Fold(name, train, validation, tested, validation_by=hold_out.by)


def _refuse_shared(
    fold: str, parts: Mapping[str, Sequence[Clip]], what: str, key: Callable[[Clip], str | None]
) -> None:
    owner: dict[str, str] = {}
    shared: dict[str, str] = {}
    for part, clips in parts.items():
        for name in {key(clip) for clip in clips} - {None}:
            if name is not None and owner.setdefault(name, part) != part:
                shared[name] = f"{name} in {owner[name]} and {part}"
    if shared:
        each = "; ".join(shared[name] for name in sorted(shared))
        raise DataError(
            f"Fold {fold} shares {len(shared):,} {what}{'s' * (len(shared) > 1)} between its parts: {each}."
        )


def _file(clip: Clip) -> str | None:
    return None if clip.path is None else _real_path(clip.path)


@lru_cache(maxsize=1 << 17)
def _real_path(path: Path) -> str:
    """The file that a path leads to; every fold asks again, and the disk is slow to answer."""
    return os.path.realpath(path)
