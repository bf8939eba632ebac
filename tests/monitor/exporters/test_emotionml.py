"""EmotionML, held against the rules of the W3C Recommendation (no reader of it is maintained)."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

NS = "{http://www.w3.org/2009/10/emotionml}"
EMOTION = {"id", "time-ref-uri", "time-ref-anchor-point", "offset-to-start", "duration", "expressed-through"}
XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def check(content):
    """The rules that a document of categories must keep; the emotions are given back."""
    root = ElementTree.fromstring(content)
    assert (root.tag, root.attrib) == (f"{NS}emotionml", {"version": "1.0", "category-set": "#stser"})  # 2.1.1
    vocabulary, *emotions = root
    assert vocabulary.attrib == {"type": "category", "id": "stser"}  # 3.1.1
    names = [item.get("name") for item in vocabulary.iter(f"{NS}item")]
    assert names == ["angry", "happy", "neutral", "sad"]
    identities = [emotion.get("id") for emotion in emotions]
    assert len(identities) == len(set(identities))
    assert all(XML_NAME.fullmatch(identity) for identity in identities)
    for emotion in emotions:
        assert emotion.tag == f"{NS}emotion" and emotion.attrib.keys() == EMOTION  # 2.1.2
        info, *categories, reference = emotion
        assert [category.get("name") for category in categories] == names  # 2.2.1
        assert all(0 <= float(category.get("confidence")) <= 1 for category in categories)  # 2.3.1
        assert info.tag == f"{NS}info" and not any(inner.tag.startswith(NS) for inner in info)  # 2.1.3
        assert (reference.tag, reference.get("role")) == (f"{NS}reference", "expressedBy")  # 2.4.1
        assert emotion.get("time-ref-anchor-point") == "start"  # 2.4.2
        assert int(emotion.get("duration")) >= 0
        assert str(int(emotion.get("offset-to-start"))) == emotion.get("offset-to-start")
    return emotions


def words(emotion):
    return "".join([emotion.text or "", *(child.tail or "" for child in emotion)]).strip()


def test_a_scored_turn_is_an_emotion_with_its_time_and_words(exported, row, agent):
    (emotion,) = check(exported("emotionml", agent(), row()))
    categories = {category.get("name"): category.get("confidence") for category in emotion.findall(f"{NS}category")}
    assert categories == {"angry": "0.5000", "happy": "0.0833", "neutral": "0.2767", "sad": "0.1400"}
    assert (emotion.get("offset-to-start"), emotion.get("duration")) == ("1000", "1500")
    assert emotion.find(f"{NS}reference").get("uri") == "call%20one.wav#t=1.000,2.500"
    assert words(emotion) == "where is it"
    (turn,) = emotion.find(f"{NS}info")
    assert (turn.get("speaker"), turn.get("channel"), turn.get("checkpoint")) == ("customer", "1", "compact")


@pytest.mark.parametrize(
    ("classifiers", "through"),
    [
        ({}, "voice"),
        ({"text_emotion": "sad"}, "voice text"),
        ({"speech_emotion": None, "bimodal_emotion": "sad"}, "voice text"),
    ],
)
def test_it_says_through_what_the_emotion_is_expressed(exported, row, classifiers, through):
    (emotion,) = check(exported("emotionml", row(**classifiers)))
    assert emotion.get("expressed-through") == through


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_keeps_the_rules(exported, row, text, name):
    (emotion,) = check(exported("emotionml", row(transcript=text, speaker=name, recording=name, checkpoint=name)))
    if text.isprintable():
        assert words(emotion) == text.strip()
    if name.isprintable():
        assert unquote(emotion.get("time-ref-uri")) == name


def test_a_timeline_without_scored_turns_is_a_document_without_emotions(exported, agent):
    assert check(exported("emotionml", agent())) == []
