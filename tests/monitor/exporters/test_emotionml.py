"""EmotionML, held against the rules of the W3C Recommendation (no reader of it is maintained)."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

NS = "{http://www.w3.org/2009/10/emotionml}"
DESCRIPTORS = {f"{NS}{name}" for name in ("category", "dimension", "appraisal", "action-tendency")}
ROOT = {"version", "category-set", "dimension-set", "appraisal-set", "action-tendency-set"}
EMOTION = (
    {"version", "id", "start", "end", "duration", "time-ref-uri", "time-ref-anchor-point", "offset-to-start"}
    | {"expressed-through"}
    | ROOT
)
ROLES = {"expressedBy", "experiencedBy", "triggeredBy", "targetedAt"}
XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def check(content):
    """The rules of section 2 that a document of categories must keep; the emotions are given back."""
    root = ElementTree.fromstring(content)
    assert root.tag == f"{NS}emotionml"
    assert root.get("version") == "1.0"  # 2.1.1
    assert root.attrib.keys() <= ROOT
    assert {child.tag for child in root} <= {f"{NS}{name}" for name in ("info", "vocabulary", "emotion")}
    vocabularies = {}
    for vocabulary in root.iter(f"{NS}vocabulary"):  # 3.1.1
        assert vocabulary.attrib.keys() == {"type", "id"}
        assert vocabulary.get("type") in {"category", "dimension", "appraisal", "action-tendency"}
        names = [item.get("name") for item in vocabulary.iter(f"{NS}item")]
        assert names
        assert len(names) == len(set(names))
        assert all(XML_NAME.fullmatch(name) for name in names)
        vocabularies[f"#{vocabulary.get('id')}"] = (vocabulary.get("type"), names)
    identities = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(identities) == len(set(identities))
    assert all(XML_NAME.fullmatch(identity) for identity in identities)
    emotions = root.findall(f"{NS}emotion")
    for emotion in emotions:
        check_emotion(emotion, vocabularies[root.get("category-set")])
    return emotions


def check_emotion(emotion, vocabulary):
    kind, names = vocabulary
    assert kind == "category"
    assert emotion.attrib.keys() <= EMOTION  # 2.1.2
    assert any(child.tag in DESCRIPTORS for child in emotion)
    assert len(emotion.findall(f"{NS}info")) <= 1
    categories = emotion.findall(f"{NS}category")
    chosen = [category.get("name") for category in categories]
    assert set(chosen) <= set(names)  # 2.2.1
    assert len(chosen) == len(set(chosen))
    for category in categories:
        assert category.attrib.keys() <= {"name", "value", "confidence"}
        assert 0 <= float(category.get("confidence")) <= 1  # 2.3.1
    for inner in emotion.find(f"{NS}info"):
        assert not inner.tag.startswith(NS)  # 2.1.3
    for reference in emotion.findall(f"{NS}reference"):  # 2.4.1
        assert reference.attrib.keys() <= {"uri", "role", "media-type"}
        assert reference.get("role", "expressedBy") in ROLES
    assert emotion.get("time-ref-anchor-point") in {"start", "end"}  # 2.4.2
    assert int(emotion.get("duration")) >= 0
    assert str(int(emotion.get("offset-to-start"))) == emotion.get("offset-to-start")
    modalities = {
        "gaze",
        "face",
        "head",
        "torso",
        "gesture",
        "leg",
        "voice",
        "text",
        "locomotion",
        "posture",
        "physiology",
    }
    assert set(emotion.get("expressed-through").split()) <= modalities


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
        ({"speech": "angry"}, "voice"),
        ({"speech": "angry", "text": "sad"}, "voice text"),
        ({"bimodal": "sad"}, "voice text"),
    ],
)
def test_it_says_through_what_the_emotion_is_expressed(exported, row, classifiers, through):
    (emotion,) = check(exported("emotionml", row(classifier_emotions=classifiers)))
    assert emotion.get("expressed-through") == through


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_keeps_the_rules(exported, row, text, name):
    (emotion,) = check(exported("emotionml", row(transcript=text, speaker=name, recording=name, checkpoint=name)))
    if text.isprintable():
        assert words(emotion) == text.strip()
    if name.isprintable():
        assert unquote(emotion.get("time-ref-uri")) == name


def test_markup_in_words_is_text(exported, row):
    content = exported("emotionml", row(transcript="</emotion><script>alert('&amp;')</script> ]]> <!-- -->"))
    (emotion,) = check(content)
    assert words(emotion) == "</emotion><script>alert('&amp;')</script> ]]> <!-- -->"


def test_a_timeline_without_scored_turns_is_a_document_without_emotions(exported, agent):
    assert check(exported("emotionml", agent())) == []
