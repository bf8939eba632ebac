"""A timeline as EmotionML 1.0, with the four emotions as a category vocabulary that the document declares itself.

Each scored turn is an `<emotion>` with the probability of each category as its confidence, its times relative to the
recording, and its words as its text. A turn that was not scored has no known emotion, and so no place in it.
Source: W3C Recommendation "Emotion Markup Language (EmotionML) 1.0", 22 May 2014.
"""

from collections.abc import Sequence
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from monitor.exporters.captions import in_order, shown_ms
from monitor.exporters.xml import data, document_bytes
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
OWN_NAMESPACE = "urn:stser-monitor:timeline"
_VOCABULARY = "stser"


def as_emotionml(turns: Sequence[Turn]) -> bytes:
    """An emotion for each scored turn, in order of their start."""
    attributes = {"version": "1.0", "xmlns": NAMESPACE, "xmlns:stser": OWN_NAMESPACE, "category-set": f"#{_VOCABULARY}"}
    document = Element("emotionml", attributes)
    vocabulary = SubElement(document, "vocabulary", type="category", id=_VOCABULARY)
    for label in LABELS:
        SubElement(vocabulary, "item", name=label)
    scored = [turn for turn in in_order(turns) if turn.probabilities is not None]
    for number, turn in enumerate(scored, start=1):
        _emotion(document, number, turn)
    return document_bytes(document)


def _emotion(document: Element, number: int, turn: Turn) -> None:
    start, end = shown_ms(turn)
    address = quote(turn.recording.encode("utf-8", errors="replace"), safe="")
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
    facts = {"number": str(turn.turn), "channel": str(turn.channel), "speaker": data(turn.speaker)}
    SubElement(info, "stser:turn", {**facts, "checkpoint": data(turn.checkpoint)})
    for label, probability in zip(LABELS, turn.probabilities or (), strict=True):
        SubElement(emotion, "category", name=label, confidence=f"{probability:.4f}")
    fragment = f"{address}#t={start / 1000:.3f},{end / 1000:.3f}"
    reference = SubElement(emotion, "reference", uri=fragment, role="expressedBy")
    reference.tail = data(turn.transcript or "")
