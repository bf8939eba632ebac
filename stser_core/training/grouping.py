"""Dealing clips into parts: whole groups of them, or single ones at random.

scikit-learn's `StratifiedGroupKFold` deals alike, but refuses labels with fewer clips than parts, may leave a part
empty, deals the same for every seed where no two groups are alike, and takes minutes over tens of thousands of
texts that are each their own group.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from stser_core.errors import DataError
from stser_core.training.clip import Clip

_SIZE = "size"
"""What is balanced beside the labels: the number of clips."""

_CANDIDATES = 200
"""Of so many groups, the one is found that serves well enough."""


def grouped(
    clips: Sequence[Clip], group_of: Callable[[Clip], str], what: str, parts: int, seed: int
) -> list[tuple[Clip, ...]]:
    """Deal clips into parts that keep groups together, alike in size and labels as far as the groups allow.

    The same clips in another order give the same parts.

    Args:
        clips: What to deal.
        group_of: A clip's group.
        what: What a group is called in messages.
        parts: How many parts, at least two.
        seed: Another seed, other parts.

    Returns:
        The parts, none of them empty, each in the order in which the clips came; every clip is in one of them.

    Raises:
        DataError: There are fewer groups than parts, or fewer than two parts are asked for.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        groups[group_of(clip)].update((clip.label, _SIZE))
    if not 2 <= parts <= len(groups):
        if len(groups) < 2:
            raise DataError(f"There is only one {what}, so nothing can be held apart from it; add others.")
        raise DataError(f"{len(groups)} {what}s cannot be dealt into {parts} parts; ask for 2 to {len(groups)}.")
    part_of = _deal(groups, parts, random.Random(seed))
    dealt: list[list[Clip]] = [[] for _ in range(parts)]
    for clip in clips:
        dealt[part_of[group_of(clip)]].append(clip)
    return [tuple(part) for part in dealt]


def _deal(groups: dict[str, Counter[str]], parts: int, dice: random.Random) -> dict[str, int]:
    """Give each group, the large ones first, to the part that it leaves most like the others."""
    # The dice blur the order by size, so that seeds matter where no two groups are alike.
    order = sorted(sorted(groups), key=lambda name: -groups[name][_SIZE] * dice.uniform(0.6, 1))
    whole = sum((groups[name] for name in order), Counter[str]())
    dealt = [Counter[str]() for _ in range(parts)]
    part_of: dict[str, int] = {}
    for place, name in enumerate(order):
        empty = [part for part in range(parts) if not dealt[part]]
        choice = empty if len(order) - place <= len(empty) else range(parts)
        part_of[name] = min(choice, key=lambda part: (_unevenness(dealt[part], groups[name], whole), part))
        dealt[part_of[name]].update(groups[name])
    return part_of


def _unevenness(part: Counter[str], group: Counter[str], whole: Counter[str]) -> float:
    """How much a group adds to the sum over the parts of squared shares, of each label and of the size."""
    return sum(count * (2 * part[what] + count) / whole[what] ** 2 for what, count in group.items())


def groups_near_share(
    clips: Sequence[Clip], group_of: Callable[[Clip], str], what: str, share: float, seed: int
) -> tuple[Clip, ...]:
    """Take whole groups, until no other one, taken or given back, brings the share of clips nearer to what is asked.

    Args:
        clips: What to take from; the same clips in another order give the same choice.
        group_of: A clip's group.
        what: What a group is called in messages.
        share: Of the clips, in 0…1; at least one group is taken and at least one stays.
        seed: Another seed, another choice.

    Returns:
        The clips of the groups taken, in the order in which they came; their labels are as alike to the rest's as the
        groups allow.

    Raises:
        DataError: There are fewer than two groups.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        groups[group_of(clip)].update((clip.label, _SIZE))
    smaller = min(share, 1 - share)
    parts = grouped(clips, group_of, what, max(2, min(round(1 / smaller), len(groups))), seed)
    nearest = min(parts, key=lambda part: abs(len(part) / len(clips) - smaller))
    taken = {group_of(clip) for clip in nearest}
    if share > smaller:
        taken = groups.keys() - taken
    _bring_nearer(taken, groups, share, random.Random(seed))
    return tuple(clip for clip in clips if group_of(clip) in taken)


def _bring_nearer(taken: set[str], groups: dict[str, Counter[str]], share: float, dice: random.Random) -> None:
    """Take or give back one group at a time, the one that serves size and then labels best."""
    whole = sum((groups[name] for name in sorted(groups)), Counter[str]())
    held = sum((groups[name] for name in sorted(taken)), Counter[str]())

    def misses(name: str | None) -> tuple[float, float]:
        """How far size and labels are from the share after a group has changed sides."""
        sign = 0 if name is None else -1 if name in taken else 1
        change = {} if name is None else groups[name]
        gaps = {key: abs(held[key] + sign * change.get(key, 0) - share * whole[key]) / whole[key] for key in whole}
        return gaps[_SIZE], sum(gaps.values())

    names = sorted(groups)
    while True:
        some = dice.sample(names, _CANDIDATES) if len(names) > _CANDIDATES else names
        movable = [name for name in some if 0 < len(taken) + (-1 if name in taken else 1) < len(names)]
        best = min(movable, key=misses, default=None)
        if best is None or misses(best)[0] > misses(None)[0] - 1e-9:
            return
        (held.subtract if best in taken else held.update)(groups[best])
        taken ^= {best}


def random_share(clips: Sequence[Clip], share: float, seed: int) -> tuple[Clip, ...]:
    """Take a share of the clips at random, the same share of each label as far as whole clips allow.

    Args:
        clips: What to take from; the same clips in another order give the same choice.
        share: In 0…1; at least one clip is taken and at least one stays.
        seed: Another seed, another choice.

    Raises:
        DataError: There are fewer than two clips.
    """
    if len(clips) < 2:
        raise DataError(f"{len(clips)} clips cannot be divided into training and validation; add data.")
    by_label: dict[str, list[str]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.id):
        by_label[clip.label].append(clip.id)
    dice = random.Random(seed)
    ranked: list[tuple[float, str]] = []
    for label in sorted(by_label):
        ids = by_label[label]
        dice.shuffle(ids)
        # Each clip's rank within its label, so that taking the lowest ranks takes the same share of each label.
        ranked += [((rank + 0.5) / len(ids), clip_id) for rank, clip_id in enumerate(ids)]
    count = min(max(1, round(share * len(clips))), len(clips) - 1)
    chosen = {clip_id for _, clip_id in sorted(ranked)[:count]}
    return tuple(clip for clip in clips if clip.id in chosen)
