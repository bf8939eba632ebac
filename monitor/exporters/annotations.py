"""The formats of annotation tools: Praat's TextGrid, ELAN's annotation documents (EAF 3.0), and EmotionML 1.0.

* In a TextGrid each speaker has a tier of words and one of emotions, and one of single words where their times are
  known. Source: Praat manual, "TextGrid file formats", the long text format: intervals follow each other without a gap,
  a quote within a text is doubled.
* In ELAN each speaker has a tier of words, and below it a tier of emotions with a controlled vocabulary and one of
  confidences; the three are tied turn by turn. Source: Max Planck Institute for Psycholinguistics, "EAF Annotation
  Format" 3.0.
* In EmotionML the four emotions are a category vocabulary that the document declares itself. Each scored turn is an
  `<emotion>` with the probability of each category as its confidence, its times relative to the recording, and its
  words as its text. A turn that was not scored has no known emotion, and so no place in it. Source: W3C Recommendation
  "Emotion Markup Language (EmotionML) 1.0", 22 May 2014.
"""

import mimetypes
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from monitor.exporters.captions import NO_WORDS, in_order, shown_ms
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

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
    end_ms = max([1, *(intervals[-1][1] for _, intervals in tiers if intervals)])
    end = _seconds(end_ms)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {end}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers, start=1):
        filled = _filled(intervals, end_ms)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(filled)}"]
        for place, (start, stop, text) in enumerate(filled, start=1):
            lines += [f"        intervals [{place}]:", f"            xmin = {_seconds(start)}"]
            lines += [f"            xmax = {_seconds(stop)}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


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


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\0", "").replace('"', '""') + '"'


_ENTRIES = "".join(
    f'<CV_ENTRY_ML CVE_ID="cve-{label}"><CVE_VALUE LANG_REF="eng">{label}</CVE_VALUE></CV_ENTRY_ML>' for label in LABELS
)
_TYPES = f"""<TYPES>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="emotion" TIME_ALIGNABLE="false" GRAPHIC_REFERENCES="false"
    CONSTRAINTS="Symbolic_Association" CONTROLLED_VOCABULARY_REF="emotions"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="confidence" TIME_ALIGNABLE="false" GRAPHIC_REFERENCES="false"
    CONSTRAINTS="Symbolic_Association"/>
<LANGUAGE LANG_ID="eng" LANG_DEF="http://cdb.iso.org/lg/CDB-00138502-001" LANG_LABEL="English (eng)"/>
<CONSTRAINT STEREOTYPE="Symbolic_Association" DESCRIPTION="1-1 association with a parent annotation"/>
<CONTROLLED_VOCABULARY CV_ID="emotions">
<DESCRIPTION LANG_REF="eng">What is expressed, as the model hears it</DESCRIPTION>{_ENTRIES}
</CONTROLLED_VOCABULARY>
</TYPES>"""
"""The types of the tiers, and the vocabulary of the emotions."""

# Extensible Markup Language (XML) 1.0, section 2.2, "Characters".
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_eaf(turns: Sequence[Turn]) -> bytes:
    """The tiers of all speakers."""
    attributes = {
        "AUTHOR": "stser-monitor",
        "DATE": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "FORMAT": "3.0",
        "VERSION": "3.0",
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
    }
    document = Element("ANNOTATION_DOCUMENT", attributes)
    header = SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    for recording in sorted({turn.recording for turn in turns}):
        address, kind = _address(recording), mimetypes.guess_type(recording)[0] or "unknown"
        places = {"MEDIA_URL": f"file:///{address}", "RELATIVE_MEDIA_URL": f"./{address}"}
        SubElement(header, "MEDIA_DESCRIPTOR", places, MIME_TYPE=kind)
    order = SubElement(document, "TIME_ORDER")
    times = sorted({time for turn in turns for time in shown_ms(turn)})
    slots = {time: f"ts{number}" for number, time in enumerate(times, start=1)}
    for time, slot in slots.items():
        SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time))
    numbers = count(1)
    for tier in tiers_of(turns):
        _annotated(document, tier, slots, numbers)
    document.extend(ElementTree.fromstring(_TYPES))
    return _document_bytes(document)


def _annotated(document: Element, tier: Tier, slots: dict[int, str], numbers: "count[int]") -> None:
    name, speaker = _data(tier.name), {"PARTICIPANT": _data(tier.speaker)}
    words = SubElement(document, "TIER", speaker, TIER_ID=name, LINGUISTIC_TYPE_REF="utterance")
    emotions, confidences = (
        SubElement(document, "TIER", speaker, TIER_ID=f"{name} {kind}", PARENT_REF=name, LINGUISTIC_TYPE_REF=kind)
        for kind in ("emotion", "confidence")
    )
    for turn in tier.turns:
        start, end = (slots[time] for time in shown_ms(turn))
        spoken = f"a{next(numbers)}"
        placed = {"ANNOTATION_ID": spoken, "TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end}
        _annotation(words, "ALIGNABLE_ANNOTATION", placed, turn.transcript or "")
        if turn.emotion is not None and turn.confidence is not None:
            tied = {"ANNOTATION_ID": f"a{next(numbers)}", "ANNOTATION_REF": spoken, "CVE_REF": f"cve-{turn.emotion}"}
            _annotation(emotions, "REF_ANNOTATION", tied, turn.emotion)
            tied = {"ANNOTATION_ID": f"a{next(numbers)}", "ANNOTATION_REF": spoken}
            _annotation(confidences, "REF_ANNOTATION", tied, f"{turn.confidence:.4f}")


def _annotation(tier: Element, kind: str, attributes: dict[str, str], value: str) -> None:
    annotation = SubElement(SubElement(tier, "ANNOTATION"), kind, attributes)
    SubElement(annotation, "ANNOTATION_VALUE").text = _data(value)


def as_emotionml(turns: Sequence[Turn]) -> bytes:
    """An emotion for each scored turn, in order of their start."""
    attributes = {
        "version": "1.0",
        "xmlns": "http://www.w3.org/2009/10/emotionml",
        "xmlns:stser": "urn:stser-monitor:timeline",
        "category-set": "#stser",
    }
    document = Element("emotionml", attributes)
    vocabulary = SubElement(document, "vocabulary", type="category", id="stser")
    for label in LABELS:
        SubElement(vocabulary, "item", name=label)
    scored = [turn for turn in in_order(turns) if turn.probabilities is not None]
    for number, turn in enumerate(scored, start=1):
        _emotion(document, number, turn)
    return _document_bytes(document)


def _emotion(document: Element, number: int, turn: Turn) -> None:
    start, end = shown_ms(turn)
    address = _address(turn.recording)
    attributes = {
        "id": f"emotion-{number}",
        "time-ref-uri": address,
        "time-ref-anchor-point": "start",
        "offset-to-start": str(start),
        "duration": str(end - start),
        "expressed-through": "voice text" if turn.text_emotion or turn.bimodal_emotion else "voice",
    }
    emotion = SubElement(document, "emotion", attributes)
    info = SubElement(emotion, "info")
    facts = {"number": str(turn.turn), "channel": str(turn.channel), "speaker": _data(turn.speaker)}
    SubElement(info, "stser:turn", {**facts, "checkpoint": _data(turn.checkpoint)})
    for label, probability in zip(LABELS, turn.probabilities or (), strict=True):
        SubElement(emotion, "category", name=label, confidence=f"{probability:.4f}")
    fragment = f"{address}#t={start / 1000:.3f},{end / 1000:.3f}"
    reference = SubElement(emotion, "reference", uri=fragment, role="expressedBy")
    reference.tail = _data(turn.transcript or "")


def _address(recording: str) -> str:
    return quote(recording.encode("utf-8", errors="replace"), safe="")


def _data(text: str) -> str:
    """The text with a replacement character (U+FFFD) for each that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def _document_bytes(root: Element) -> bytes:
    """A document, indented for people."""
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"
