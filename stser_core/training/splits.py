"""Splits: training, validation and test clips of a run, and the folds of a cross-validation.

The paper leaves one session of IEMOCAP out, five times, and takes 20 % of the *training* part to validate (section
on the experiments). Nothing of the test part ever decides anything, and no speaker is on two sides: a `Fold` that
would break this cannot be made.

scikit-learn's `StratifiedGroupKFold` refuses labels with fewer clips than folds, may leave a fold empty, and takes
minutes over tens of thousands of texts that are each their own group.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from stser_core.errors import DataError, UsageError
from stser_core.training.clip import SPLITS, Clip, content_key

Clips = tuple[Clip, ...]
Groups = dict[str, Counter[str]]
LeaveOut = Literal["auto", "session", "speakers", "corpus"]

_SIZE = "size"  # the key of the number of clips, which is balanced beside the labels
_CANDIDATES = 200  # groups that are tried for each exchange


@dataclass(frozen=True)
class Fold:
    """Three parts that share no clip, no file and no speaker; `DataError` where they do, or one is empty."""

    name: str  # what is tested: a session, a corpus, or a number
    train: Clips
    validation: Clips  # decides when to stop
    test: Clips  # may be empty
    # those that training and validation may share: the only ones of their corpora
    shared_speakers: frozenset[str] = field(default=frozenset(), kw_only=True)

    def __post_init__(self) -> None:
        parts = {"training": self.train, "validation": self.validation, "test": self.test}
        for part in ("training", "validation"):
            if not parts[part]:
                raise DataError(f"Fold {self.name} has no clip for {part}; use fewer folds or more data.")
        _refuse_shared(self.name, parts, "clip", lambda clip: clip.id)
        _refuse_shared(self.name, parts, "file", lambda clip: _real_path(clip.path) if clip.path else None)
        parts["validation"] = tuple(clip for clip in self.validation if clip.speaker not in self.shared_speakers)
        _refuse_shared(self.name, parts, "speaker", lambda clip: clip.speaker)


def folds_of(
    clips: Sequence[Clip], leave_out: LeaveOut = "auto", groups: int = 5, validation_part: float = 0.2
) -> list[Fold]:
    """Make the folds of a cross-validation; raises `DataError` where the clips cannot be divided so.

    Each tests a session, as the paper does on IEMOCAP, a corpus, or one of so many groups of speakers, alike in size
    and labels as far as the speakers allow; auto takes sessions where every clip has one and there are several, else
    speakers.
    """
    without = sum(clip.session is None for clip in clips)
    if leave_out == "auto":
        leave_out = "session" if not without and len({clip.session for clip in clips}) > 1 else "speakers"
    if leave_out == "speakers":
        grouped = enumerate(_grouped(clips, groups, seed=0), start=1)
        return [_fold(f"fold{number}", clips, group, validation_part) for number, group in grouped]
    if leave_out == "session" and without:
        raise DataError(f"{without:,} of {len(clips):,} clips have no session; use folds by speaker.")
    tests: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        tests[clip.corpus if leave_out == "corpus" else clip.session or ""].append(clip)
    if len(tests) < 2:
        raise DataError(f"Leaving one {leave_out} out needs at least two; found {', '.join(tests) or 'none'}.")
    return [_fold(name, clips, tests[name], validation_part) for name in sorted(tests)]


def divide(clips: Sequence[Clip], validation_part: float = 0.2, seed: int = 0, *, test: float = 0.0) -> Fold:
    """Divide the clips of one or several corpora into training, validation and test.

    Corpora that fix their splits are divided by these, all together, so that one may be all test; each of the others is
    divided by itself, so that it is in each part; of these, speakers with a proportion `test` are held out to test.
    Raises `UsageError` where `test` has no effect, `DataError` where the clips cannot be divided so.
    """
    if test and all(clip.split is not None for clip in clips):
        raise UsageError("--test-proportion has no effect on data with fixed splits; leave the option out.")
    train, validation, tested = (tuple(clip for clip in clips if clip.split == part) for part in SPLITS)
    for corpus in sorted({clip.corpus for clip in train + validation + tested}):
        own = tuple(clip for clip in clips if clip.corpus == corpus)
        if without := sum(clip.split is None for clip in own):
            some = f"{without:,} of {len(own):,} clips of {corpus} have no split, the others do"
            raise DataError(f"{some}; fill that column, or leave it empty.")
    if train and not validation:
        train, validation = split_off(train, validation_part, seed)
    shared = _only_speaker(train + validation)
    for corpus in sorted({clip.corpus for clip in clips if clip.split is None}):
        own = tuple(clip for clip in clips if clip.corpus == corpus)
        if test:
            own, held = _without(own, _groups_near(own, test, seed))
            tested += held
        shared |= _only_speaker(own)
        trained, validating = split_off(own, validation_part, seed)
        train += trained
        validation += validating
    return Fold("fit", train, validation, tested, shared_speakers=shared)


def without_copies(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """The clips without copies of earlier recordings; `DataError` where one is given twice or cannot be read."""
    ids = Counter(clip.id for clip in clips)
    files = Counter(os.path.realpath(clip.path) for clip in clips if clip.path is not None)
    for what, counts in (("clip", ids), ("recording", files)):
        if doubled := [name for name, count in counts.items() if count > 1]:
            given = f"{len(doubled):,} {what}{'s' * (len(doubled) > 1)} given more than once, {doubled[0]} first"
            raise DataError(f"{given}; remove copies, and give each corpus once.")
    sizes = Counter(clip.path.stat().st_size for clip in clips if clip.path is not None)
    first: dict[str, Clip] = {}
    for clip in clips:
        alone = clip.path is None or sizes[clip.path.stat().st_size] == 1
        first.setdefault(clip.id if clip.path is None or alone else content_key(clip.path), clip)
    return tuple(first.values())


def split_off(clips: Sequence[Clip], proportion: float = 0.2, seed: int = 0) -> tuple[Clips, Clips]:
    """Take a proportion of clips to validate with: whole speakers, as near as they can, or clips of a lone speaker."""
    take = _groups_near if len({clip.speaker for clip in clips}) > 1 else _random_clips
    return _without(clips, take(clips, proportion, seed))


def _without(clips: Sequence[Clip], held: Clips) -> tuple[Clips, Clips]:
    chosen = {clip.id for clip in held}
    return tuple(clip for clip in clips if clip.id not in chosen), held


def _only_speaker(clips: Sequence[Clip]) -> frozenset[str]:
    """The speaker of clips that have only one, else nobody."""
    speakers = frozenset(clip.speaker for clip in clips)
    return speakers if len(speakers) == 1 else frozenset()


def _fold(name: str, clips: Sequence[Clip], test: Iterable[Clip], validation_part: float) -> Fold:
    """The fold that tests some clips, trains on the rest and validates on a part of the rest."""
    rest, tested = _without(clips, tuple(test))
    train, validation = split_off(rest, validation_part)
    return Fold(name, train, validation, tested, shared_speakers=_only_speaker(rest))


def _refuse_shared(
    fold: str, parts: Mapping[str, Sequence[Clip]], what: str, key: Callable[[Clip], str | None]
) -> None:
    owner: dict[str, str] = {}
    shared: dict[str, str] = {}
    for part, clips in parts.items():
        for name in {key(clip) for clip in clips}:
            if name is not None and owner.setdefault(name, part) != part:
                shared[name] = f"{name} in {owner[name]} and {part}"
    if shared:
        count = f"{len(shared):,} {what}{'s' * (len(shared) > 1)}"
        each = "; ".join(shared[name] for name in sorted(shared))
        raise DataError(f"Fold {fold} shares {count} between its parts: {each}.")


@lru_cache(maxsize=1 << 17)
def _real_path(path: Path) -> str:
    """The file that a path leads to; every fold asks again, and the disk is slow to answer."""
    return os.path.realpath(path)


def _counts(clips: Sequence[Clip]) -> Groups:
    """The labels of each speaker's clips, and their number."""
    groups: Groups = defaultdict(Counter)
    for clip in clips:
        groups[clip.speaker].update((clip.label, _SIZE))
    return groups


def _grouped(clips: Sequence[Clip], parts: int, seed: int) -> list[Clips]:
    """Divide clips, in any order, into parts that keep speakers together, alike in size and labels; none is empty."""
    groups = _counts(clips)
    if len(groups) < 2:
        raise DataError("There is only one speaker, so nothing can be held out; add others.")
    if not 2 <= parts <= len(groups):
        raise DataError(f"{len(groups)} speakers cannot be divided into {parts} parts; ask for 2 to {len(groups)}.")

    def unevenness(part: int, name: str) -> float:
        """The increase of the sum of squared proportions, of each label and of the size, by a speaker."""
        gained = groups[name].items()
        return sum(count * (2 * dealt[part][what] + count) / whole[what] ** 2 for what, count in gained)

    # The large ones first; chance blurs this order, so that seeds matter where no two speakers are alike.
    rng = random.Random(seed)
    order = sorted(sorted(groups), key=lambda name: -groups[name][_SIZE] * rng.uniform(0.6, 1))
    whole = sum((groups[name] for name in order), Counter[str]())
    dealt = [Counter[str]() for _ in range(parts)]
    part_of: dict[str, int] = {}
    for place, name in enumerate(order):
        empty = [part for part in range(parts) if not dealt[part]]
        choice = empty if len(order) - place <= len(empty) else range(parts)
        part_of[name] = min(choice, key=lambda part: (unevenness(part, name), part))
        dealt[part_of[name]].update(groups[name])
    return [tuple(clip for clip in clips if part_of[clip.speaker] == part) for part in range(parts)]


def _groups_near(clips: Sequence[Clip], proportion: float, seed: int) -> Clips:
    """Take some, not all, speakers, until no exchange brings the proportion of clips nearer to the wanted one."""
    groups = _counts(clips)
    smaller = min(proportion, 1 - proportion)
    parts = _grouped(clips, max(2, min(round(1 / smaller), len(groups))), seed)
    nearest = min(parts, key=lambda part: abs(len(part) / len(clips) - smaller))
    taken = {clip.speaker for clip in nearest}
    if proportion > smaller:
        taken = groups.keys() - taken
    rng, names = random.Random(seed), sorted(groups)
    whole = sum((groups[name] for name in names), Counter[str]())
    held = sum((groups[name] for name in sorted(taken)), Counter[str]())

    def misses(name: str | None) -> tuple[float, float]:
        """Distance of size and labels from the proportion after a speaker has changed sides."""
        sign = 0 if name is None else -1 if name in taken else 1
        change = {} if name is None else groups[name]
        gaps = {key: abs(held[key] + sign * change.get(key, 0) - proportion * whole[key]) / whole[key] for key in whole}
        return gaps[_SIZE], sum(gaps.values())

    while True:  # take or give back one speaker at a time, the one that serves size and then labels best
        some = rng.sample(names, _CANDIDATES) if len(names) > _CANDIDATES else names
        movable = [name for name in some if 0 < len(taken) + (-1 if name in taken else 1) < len(names)]
        best = min(movable, key=misses, default=None)
        if best is None or misses(best)[0] > misses(None)[0] - 1e-9:
            return tuple(clip for clip in clips if clip.speaker in taken)
        (held.subtract if best in taken else held.update)(groups[best])
        taken ^= {best}


def _random_clips(clips: Sequence[Clip], proportion: float, seed: int) -> Clips:
    """Take a proportion of the clips at random, the same of each label; at least one is taken and one stays."""
    if len(clips) < 2:
        raise DataError(f"{len(clips)} clips cannot be divided into training and validation; add data.")
    rng = random.Random(seed)
    ranked: list[tuple[float, str]] = []
    for label in sorted({clip.label for clip in clips}):
        ids = sorted(clip.id for clip in clips if clip.label == label)
        rng.shuffle(ids)
        # Each clip's rank within its label, so that taking the lowest ranks takes the same proportion of each label.
        ranked += [((rank + 0.5) / len(ids), clip_id) for rank, clip_id in enumerate(ids)]
    count = min(max(1, round(proportion * len(clips))), len(clips) - 1)
    chosen = {clip_id for _, clip_id in sorted(ranked)[:count]}
    return tuple(clip for clip in clips if clip.id in chosen)
