"""TextGrids, read by Praat itself (parselmouth); ELAN documents, read by pympi; EmotionML, held against its rules."""

import re
from functools import partial
from urllib.parse import unquote
from xml.etree import ElementTree

import parselmouth
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parselmouth.praat import call
from pympi.Elan import Eaf

from monitor.flow import Word


@pytest.fixture
def grid(tmp_path, exported):
    """Make a TextGrid of rows: the intervals that hold something, by tier."""

    def read(*rows):
        path = tmp_path / "call.TextGrid"
        path.write_bytes(exported("textgrid", *rows))
        ask = partial(call, parselmouth.read(str(path)))
        tiers = {}
        for tier in range(1, ask("Get number of tiers") + 1):
            found = tiers[ask("Get tier name", tier)] = []
            for number in range(1, ask("Get number of intervals", tier) + 1):
                if text := ask("Get label of interval", tier, number):
                    start = ask("Get start time of interval", tier, number)
                    found.append((start, ask("Get end time of interval", tier, number), text))
        return tiers

    return read


def test_each_speaker_has_words_and_emotions(grid, row, agent):
    assert grid(agent(), row(), row(turn=3, start_s=4.0, end_s=5.0, emotion="sad", transcript=None)) == {
        "customer": [(1.0, 2.5, "where is it"), (4.0, 5.0, "[speech]")],
        "customer emotion": [(1.0, 2.5, "angry"), (4.0, 5.0, "sad")],
        "agent": [(2.2, 3.6, "hold on")],
    }


def test_words_with_times_have_a_tier(grid, row):
    words = (Word("where", 1.2, 1.5, 0.9), Word("is", 1.4, 1.6, 1.0), Word("it", 1.6, 1.6, 0.8))
    assert grid(row(words=words))["customer words"] == [(1.2, 1.5, "where"), (1.5, 1.6, "is"), (1.6, 1.601, "it")]


def test_turns_that_overlap_and_speakers_of_one_name_have_tiers_of_their_own(grid, row):
    tiers = grid(
        row(), row(start_s=2.0, end_s=3.0, transcript="again"), row(start_s=3.0, end_s=4.0, transcript="third")
    )
    assert tiers["customer"] == [(1.0, 2.5, "where is it"), (3.0, 4.0, "third")]
    assert tiers["customer (2)"] == [(2.0, 3.0, "again")]
    tiers = grid(row(), row(channel=2), row(channel=3, speaker="customer emotion"))
    assert list(tiers)[::2] == ["customer", "customer (2)", "customer emotion (2)"]


@pytest.mark.parametrize(
    "text", ['say "no"', '"', "two\nlines", "<script>", "a --> b", "שלום \u202eעולם", "안녕", "tab\there", "😀"]
)
def test_any_text_survives_in_a_textgrid(grid, row, text):
    assert grid(row(transcript=text))["customer"] == [(1.0, 2.5, text)]


@pytest.fixture
def elan(tmp_path, exported):
    def read(*rows):
        path = tmp_path / "call.eaf"
        path.write_bytes(exported("eaf", *rows))
        return Eaf(str(path))

    return read


def test_in_elan_each_speaker_has_words_emotions_and_confidences(elan, row, agent):
    document = elan(agent(), row(), row(turn=3, start_s=4.0, end_s=5.0, transcript=None))
    assert document.get_annotation_data_for_tier("customer") == [(1000, 2500, "where is it"), (4000, 5000, "")]
    assert document.get_annotation_data_for_tier("agent") == [(2200, 3600, "hold on")]
    assert document.get_ref_annotation_data_for_tier("customer emotion") == [
        (1000, 2500, "angry", "where is it"),
        (4000, 5000, "angry", ""),
    ]
    assert document.get_ref_annotation_data_for_tier("customer confidence")[0][2] == "0.5000"
    assert document.get_ref_annotation_data_for_tier("agent emotion") == []
    assert document.get_parameters_for_tier("agent")["PARTICIPANT"] == "agent"
    assert document.get_parameters_for_linguistic_type("emotion")["CONTROLLED_VOCABULARY_REF"] == "emotions"
    assert len(document.get_cv_entries("emotions")) == 4
    (media,) = document.get_linked_files()
    assert (media["RELATIVE_MEDIA_URL"], media["MIME_TYPE"]) == ("./call%20one.wav", "audio/x-wav")


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_data_in_elan(exported, row, text, speaker):
    content = exported("eaf", row(transcript=text, speaker=speaker, recording=speaker))
    value = ElementTree.fromstring(content).find(".//ALIGNABLE_ANNOTATION/ANNOTATION_VALUE")
    assert visible(value.text or "") == visible(text)


def visible(text):
    """As XML keeps a text: line ends are line feeds, what it cannot hold is a replacement character."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join("\ufffd" if (sign < " " and sign not in "\t\n") or sign in "\ufffe\uffff" else sign for sign in text)


def test_identifiers_are_unique_and_references_lead_somewhere(exported, row, agent):
    rows = [row(turn=n, start_s=float(n), end_s=n + 2.0) for n in range(5)] + [agent(), agent(speaker="customer")]
    document = ElementTree.fromstring(exported("eaf", *rows))
    annotations = [element.get("ANNOTATION_ID") for element in document.iter() if element.get("ANNOTATION_ID")]
    assert len(annotations) == len(set(annotations)) == 7 + 2 * 5
    tiers = [tier.get("TIER_ID") for tier in document.iter("TIER")]
    assert len(tiers) == len(set(tiers))
    assert {tier.get("PARENT_REF") for tier in document.iter("TIER")} <= {None, *tiers}
    slots = {slot.get("TIME_SLOT_ID") for slot in document.iter("TIME_SLOT")}
    for annotation in document.iter("ALIGNABLE_ANNOTATION"):
        assert {annotation.get("TIME_SLOT_REF1"), annotation.get("TIME_SLOT_REF2")} <= slots
    assert {annotation.get("ANNOTATION_REF") for annotation in document.iter("REF_ANNOTATION")} <= set(annotations)


NS = "{http://www.w3.org/2009/10/emotionml}"
EMOTION = {"id", "time-ref-uri", "time-ref-anchor-point", "offset-to-start", "duration", "expressed-through"}
XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")


@pytest.fixture(scope="module")
def emotions(exported):
    """The emotions of rows, of a document that keeps the W3C's rules for categories (no reader of it is maintained)."""

    def read(*rows):
        root = ElementTree.fromstring(exported("emotionml", *rows))
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

    return read


def words(emotion):
    return "".join([emotion.text or "", *(child.tail or "" for child in emotion)]).strip()


def test_in_emotionml_a_scored_turn_is_an_emotion_with_its_time_and_words(emotions, row, agent):
    (emotion,) = emotions(agent(), row())
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
def test_it_says_through_what_the_emotion_is_expressed(emotions, row, classifiers, through):
    (emotion,) = emotions(row(**classifiers))
    assert emotion.get("expressed-through") == through


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_keeps_the_rules(emotions, row, text, name):
    (emotion,) = emotions(row(transcript=text, speaker=name, recording=name, checkpoint=name))
    if text.isprintable():
        assert words(emotion) == text.strip()
    if name.isprintable():
        assert unquote(emotion.get("time-ref-uri")) == name


def test_a_timeline_without_turns_opens(grid, elan, emotions, agent):
    assert grid() == {"speech": []}
    assert list(elan().get_tier_names()) == []
    assert emotions(agent()) == []
