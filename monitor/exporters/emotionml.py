"""A timeline as EmotionML 1.0, with the four emotions as a category vocabulary that the document declares itself.

Each scored turn is an `<emotion>` with the probability of each category as its confidence, its times relative to the
recording, and its words as its text. A turn that was not scored has no known emotion, and so no place in it.
Source: W3C Recommendation "Emotion Markup Language (EmotionML) 1.0", 22 May 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from monitor.exporters.captions import in_order, shown_ms
from monitor.exporters.xml import data, write_document
from monitor.timeline.row import TimelineRow
from stser_core.emotions import LABELS

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
OWN_NAMESPACE = "urn:stser-monitor:timeline"
_VOCABULARY = "stser"


def write_emotionml(rows: Sequence[TimelineRow], stream: BinaryIO) -> None:
    """Write an emotion for each scored turn, in order of their start."""
    attributes = {"version": "1.0", "xmlns": NAMESPACE, "xmlns:stser": OWN_NAMESPACE, "category-set": f"#{_VOCABULARY}"}
    document = Element("emotionml", attributes)
    vocabulary = SubElement(document, "vocabulary", type="category", id=_VOCABULARY)
    for label in LABELS:
        SubElement(vocabulary, "item", name=label)
    scored = [row for row in in_order(rows) if row.probabilities is not None]
    for number, row in enumerate(scored, start=1):
        _emotion(document, number, row)
    write_document(document, stream)


def _emotion(document: Element, number: int, row: TimelineRow) -> None:
    start, end = shown_ms(row)
    address = quote(row.recording.encode("utf-8", errors="replace"), safe="")
    attributes = {
        "id": f"emotion-{number}",
        "time-ref-uri": address,
        "time-ref-anchor-point": "start",
        "offset-to-start": str(start),
        "duration": str(end - start),
        "expressed-through": "voice text" if {"text", "bimodal"} & row.classifier_emotions.keys() else "voice",
    }
    emotion = SubElement(document, "emotion", attributes)
    info = SubElement(emotion, "info")
    turn = {"number": str(row.turn), "channel": str(row.channel), "speaker": data(row.speaker)}
    SubElement(info, "stser:turn", {**turn, "checkpoint": data(row.checkpoint)})
    for label, probability in zip(LABELS, row.probabilities or (), strict=True):
        SubElement(emotion, "category", name=label, confidence=f"{probability:.4f}")
    fragment = f"{address}#t={start / 1000:.3f},{end / 1000:.3f}"
    reference = SubElement(emotion, "reference", uri=fragment, role="expressedBy")
    reference.tail = data(row.transcript or "")
