"""The tiers of phonetic tools, some for each speaker: a Praat TextGrid, and an ELAN annotation document (EAF 3.0).

* In a TextGrid each speaker has a tier of words and one of emotions, and one of single words where their times are
  known. Source: Praat manual, "TextGrid file formats", the long text format: intervals follow each other without a gap,
  a quote within a text is doubled.
* In ELAN each speaker has a tier of words, and below it a tier of emotions with a controlled vocabulary and one of
  confidences; the three are tied turn by turn. Source: Max Planck Institute for Psycholinguistics, "EAF Annotation
  Format" 3.0.
"""

import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from typing import TypeAlias
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from monitor.exporters.captions import NO_WORDS, in_order, shown_ms
from monitor.exporters.xml import data, document_bytes
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

Interval: TypeAlias = tuple[int, int, str]
"""Start and end in milliseconds, and a text."""

BELOW = ("emotion", "confidence", "words")
"""Kinds of tiers that a format may have for each speaker."""

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_VOCABULARY = "emotions"
_ENGLISH = "http://cdb.iso.org/lg/CDB-00138502-001"
_ASSOCIATION = "Symbolic_Association"
_ASSOCIATED = "1-1 association with a parent annotation"


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


def as_eaf(turns: Sequence[Turn]) -> bytes:
    """The tiers of all speakers."""
    attributes = {
        "AUTHOR": "stser-monitor",
        "DATE": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "FORMAT": "3.0",
        "VERSION": "3.0",
        "xmlns:xsi": _XSI,
        "xsi:noNamespaceSchemaLocation": _SCHEMA,
    }
    document = Element("ANNOTATION_DOCUMENT", attributes)
    _media(document, turns)
    tiers = tiers_of(turns)
    slots = _time_slots(document, tiers)
    numbers = count(1)
    for tier in tiers:
        _annotated(document, tier, slots, numbers)
    _types(document)
    return document_bytes(document)


def _media(document: Element, turns: Sequence[Turn]) -> None:
    header = SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    for recording in sorted({turn.recording for turn in turns}):
        address = quote(recording.encode("utf-8", errors="replace"), safe="")
        SubElement(
            header,
            "MEDIA_DESCRIPTOR",
            MEDIA_URL=f"file:///{address}",
            RELATIVE_MEDIA_URL=f"./{address}",
            MIME_TYPE=mimetypes.guess_type(recording)[0] or "unknown",
        )


def _time_slots(document: Element, tiers: Iterable[Tier]) -> dict[int, str]:
    """An identifier for each time at which a turn starts or ends."""
    order = SubElement(document, "TIME_ORDER")
    times = sorted({time for tier in tiers for turn in tier.turns for time in shown_ms(turn)})
    slots = {time: f"ts{number}" for number, time in enumerate(times, start=1)}
    for time, slot in slots.items():
        SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time))
    return slots


def _annotated(document: Element, tier: Tier, slots: dict[int, str], numbers: "count[int]") -> None:
    name, participant = data(tier.name), data(tier.speaker)
    words = SubElement(document, "TIER", TIER_ID=name, PARTICIPANT=participant, LINGUISTIC_TYPE_REF="utterance")
    below = {
        kind: SubElement(
            document,
            "TIER",
            TIER_ID=f"{name} {kind}",
            PARENT_REF=name,
            PARTICIPANT=participant,
            LINGUISTIC_TYPE_REF=kind,
        )
        for kind in ("emotion", "confidence")
    }
    for turn in tier.turns:
        start, end = shown_ms(turn)
        spoken = f"a{next(numbers)}"
        _annotation(
            words,
            "ALIGNABLE_ANNOTATION",
            turn.transcript or "",
            ANNOTATION_ID=spoken,
            TIME_SLOT_REF1=slots[start],
            TIME_SLOT_REF2=slots[end],
        )
        if turn.emotion is not None and turn.confidence is not None:
            for kind, value in (("emotion", turn.emotion), ("confidence", f"{turn.confidence:.4f}")):
                entry = {"CVE_REF": f"cve-{value}"} if kind == "emotion" else {}
                identity = {"ANNOTATION_ID": f"a{next(numbers)}", "ANNOTATION_REF": spoken}
                _annotation(below[kind], "REF_ANNOTATION", value, **identity, **entry)


def _annotation(tier: Element, kind: str, value: str, **attributes: str) -> None:
    annotation = SubElement(SubElement(tier, "ANNOTATION"), kind, attributes)
    SubElement(annotation, "ANNOTATION_VALUE").text = data(value)


def _types(document: Element) -> None:
    """The types of the tiers, and the vocabulary of the emotions."""
    alignable = {"TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    associated = {"TIME_ALIGNABLE": "false", "GRAPHIC_REFERENCES": "false", "CONSTRAINTS": _ASSOCIATION}
    SubElement(document, "LINGUISTIC_TYPE", alignable, LINGUISTIC_TYPE_ID="utterance")
    SubElement(
        document, "LINGUISTIC_TYPE", associated, LINGUISTIC_TYPE_ID="emotion", CONTROLLED_VOCABULARY_REF=_VOCABULARY
    )
    SubElement(document, "LINGUISTIC_TYPE", associated, LINGUISTIC_TYPE_ID="confidence")
    SubElement(document, "LANGUAGE", LANG_ID="eng", LANG_DEF=_ENGLISH, LANG_LABEL="English (eng)")
    SubElement(document, "CONSTRAINT", STEREOTYPE=_ASSOCIATION, DESCRIPTION=_ASSOCIATED)
    vocabulary = SubElement(document, "CONTROLLED_VOCABULARY", CV_ID=_VOCABULARY)
    SubElement(vocabulary, "DESCRIPTION", LANG_REF="eng").text = "What is expressed, as the model hears it"
    for label in LABELS:
        entry = SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=f"cve-{label}")
        SubElement(entry, "CVE_VALUE", LANG_REF="eng").text = label
