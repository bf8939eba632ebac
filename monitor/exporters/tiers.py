"""The tiers of phonetic tools, some for each speaker; and a Praat TextGrid.

In a TextGrid each speaker has a tier of words and one of emotions, and one of single words where their times are known.
Source: Praat manual, "TextGrid file formats", the long text format: intervals follow each other without a gap, a quote
within a text is doubled.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from monitor.exporters.captions import NO_WORDS, in_order, shown_ms
from monitor.timeline.turn import Turn

Interval: TypeAlias = tuple[int, int, str]
"""Start and end in milliseconds, and a text."""

BELOW = ("emotion", "confidence", "words")
"""Kinds of tiers that a format may have for each speaker."""


@dataclass
class Tier:
    """Turns of one speaker, none of which overlaps another."""

    name: str
    speaker: str
    turns: list[Turn]


def tiers_of(turns: Iterable[Turn]) -> list[Tier]:
    """Put each turn on the first tier of its speaker where it fits, in the order of the channels.

    A speaker's turns seldom overlap; those that do get a second tier, so that none is lost.
    """
    by_speaker: dict[tuple[int, str], list[Tier]] = {}
    names: set[str] = set()
    for turn in in_order(turns):
        tiers = by_speaker.setdefault((turn.channel, turn.speaker), [])
        fitting = next((tier for tier in tiers if shown_ms(tier.turns[-1])[1] <= turn.start_ms), None)
        if fitting is not None:
            fitting.turns.append(turn)
            continue
        first = turn.speaker or f"channel {turn.channel}"
        candidates = (first if number == 1 else f"{first} ({number})" for number in count(1))
        name = next(each for each in candidates if not _with_those_below(each) & names)
        names |= _with_those_below(name)
        tiers.append(Tier(name, turn.speaker, [turn]))
    return [tier for speaker in sorted(by_speaker) for tier in by_speaker[speaker]]


def _with_those_below(name: str) -> set[str]:
    """The name of a tier and those of the tiers that a format puts below it."""
    return {name, *(f"{name} {kind}" for kind in BELOW)}


def as_textgrid(turns: Sequence[Turn]) -> str:
    """The tiers of all speakers."""
    # Praat opens no TextGrid without a tier.
    tiers = [named for tier in tiers_of(turns) for named in _named(tier)] or [("speech", [])]
    end = max([1, *(intervals[-1][1] for _, intervals in tiers if intervals)])
    filled = [(name, _filled(intervals, end)) for name, intervals in tiers]
    return "\n".join(_lines(filled, end)) + "\n"


def _named(tier: Tier) -> Iterator[tuple[str, list[Interval]]]:
    yield tier.name, [(*shown_ms(turn), turn.transcript or NO_WORDS) for turn in tier.turns]
    if any(turn.emotion for turn in tier.turns):
        yield f"{tier.name} emotion", [(*shown_ms(turn), turn.emotion or "") for turn in tier.turns]
    words = list(_words(tier.turns))
    if words:
        yield f"{tier.name} words", words


def _words(turns: Iterable[Turn]) -> Iterator[Interval]:
    """Words by themselves; one that overlaps the word before begins where that ends, if only for 1 ms."""
    last = 0
    for turn in turns:
        for word in turn.words or ():
            start = max(last, round(word.start_s * 1000))
            last = max(start + 1, round(word.end_s * 1000))
            yield start, last, word.text


def _filled(intervals: Iterable[Interval], end: int) -> list[Interval]:
    """The intervals, and empty ones between them, from 0 to `end`."""
    filled: list[Interval] = []
    last = 0
    for start, stop, text in intervals:
        if start > last:
            filled.append((last, start, ""))
        filled.append((start, stop, text))
        last = stop
    return [*filled, (last, end, "")] if last < end else filled


def _lines(tiers: Sequence[tuple[str, Sequence[Interval]]], end: int) -> Iterator[str]:
    yield from ('File type = "ooTextFile"', 'Object class = "TextGrid"', "")
    yield from ("xmin = 0", f"xmax = {_seconds(end)}", "tiers? <exists>", f"size = {len(tiers)}", "item []:")
    for number, (name, intervals) in enumerate(tiers, start=1):
        yield from (f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}")
        yield from ("        xmin = 0", f"        xmax = {_seconds(end)}")
        yield f"        intervals: size = {len(intervals)}"
        for place, (start, stop, text) in enumerate(intervals, start=1):
            yield f"        intervals [{place}]:"
            yield from (f"            xmin = {_seconds(start)}", f"            xmax = {_seconds(stop)}")
            yield f"            text = {_quoted(text)}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\0", "").replace('"', '""') + '"'
