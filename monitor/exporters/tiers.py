"""A tier for each speaker, as phonetic tools need them: with unique names, without overlaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.exporters.captions import in_order, shown_ms
from monitor.timeline.turn import Turn

BELOW = ("emotion", "confidence", "words")
"""Kinds of tiers that a format may have for each speaker."""


@dataclass
class Tier:
    """Turns of one speaker, none of which overlaps another."""

    name: str
    speaker: str
    turns: list[Turn] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        """The end of the last turn."""
        return shown_ms(self.turns[-1])[1] if self.turns else 0


def tiers_of(turns: Iterable[Turn]) -> list[Tier]:
    """Put each turn on the first tier of its speaker where it fits, in the order of the channels.

    A speaker's turns seldom overlap; those that do get a second tier, so that none is lost.
    """
    by_speaker: dict[tuple[int, str], list[Tier]] = {}
    names: set[str] = set()
    for turn in in_order(turns):
        tiers = by_speaker.setdefault((turn.channel, turn.speaker), [])
        fitting = next((tier for tier in tiers if tier.end_ms <= turn.start_ms), None)
        if fitting is None:
            fitting = Tier(_free(turn.speaker or f"channel {turn.channel}", names), turn.speaker)
            names |= _with_those_below(fitting.name)
            tiers.append(fitting)
        fitting.turns.append(turn)
    return [tier for speaker in sorted(by_speaker) for tier in by_speaker[speaker]]


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while _with_those_below(free) & taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _with_those_below(name: str) -> set[str]:
    """The name of a tier and those of the tiers that a format puts below it."""
    return {name, *(f"{name} {kind}" for kind in BELOW)}
