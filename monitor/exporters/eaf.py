"""A timeline as an ELAN annotation document (EAF 3.0).

Each speaker has a tier of words, and below it a tier of emotions with a controlled vocabulary and one of confidences;
the three are tied turn by turn. Source: Max Planck Institute for Psycholinguistics, "EAF Annotation Format" 3.0.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from itertools import count
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from monitor.exporters.captions import shown_ms
from monitor.exporters.tiers import Tier, tiers_of
from monitor.exporters.xml import data, document_bytes
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_VOCABULARY = "emotions"
_ENGLISH = "http://cdb.iso.org/lg/CDB-00138502-001"
_ASSOCIATION = "Symbolic_Association"
_ASSOCIATED = "1-1 association with a parent annotation"


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
    _header(document, turns)
    tiers = tiers_of(turns)
    slots = _time_slots(document, tiers)
    numbers = count(1)
    for tier in tiers:
        _tier(document, tier, slots, numbers)
    _types(document)
    return document_bytes(document)


def _header(document: Element, turns: Sequence[Turn]) -> None:
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


def _tier(document: Element, tier: Tier, slots: dict[int, str], numbers: count[int]) -> None:
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
