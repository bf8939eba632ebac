"""ELAN documents, read by pympi."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pympi.Elan import Eaf


@pytest.fixture(scope="module")
def read(tmp_path_factory, exported):
    path = tmp_path_factory.mktemp("elan") / "call.eaf"

    def read(*rows):
        path.write_bytes(exported("eaf", *rows))
        return Eaf(str(path))

    return read


def test_each_speaker_has_words_emotions_and_confidences(read, row, agent):
    document = read(agent(), row(), row(turn=3, start_s=4.0, end_s=5.0, transcript=None))
    assert document.get_annotation_data_for_tier("customer") == [(1000, 2500, "where is it"), (4000, 5000, "")]
    assert document.get_annotation_data_for_tier("agent") == [(2200, 3600, "hold on")]
    emotions = document.get_ref_annotation_data_for_tier("customer emotion")
    assert [(start, end, emotion, words) for start, end, emotion, words in emotions] == [
        (1000, 2500, "angry", "where is it"),
        (4000, 5000, "angry", ""),
    ]
    assert document.get_ref_annotation_data_for_tier("customer confidence")[0][2] == "0.5000"
    assert document.get_ref_annotation_data_for_tier("agent emotion") == []
    assert document.get_parameters_for_tier("agent")["PARTICIPANT"] == "agent"
    assert document.get_parameters_for_linguistic_type("emotion")["CONTROLLED_VOCABULARY_REF"] == "emotions"
    assert len(document.get_cv_entries("emotions")) == 4


def test_the_recording_is_linked_beside_the_document(read, row):
    (media,) = read(row()).get_linked_files()
    assert (media["RELATIVE_MEDIA_URL"], media["MIME_TYPE"]) == ("./call%20one.wav", "audio/x-wav")


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_data(exported, row, text, speaker):
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


def test_a_timeline_without_turns_opens(read):
    assert list(read().get_tier_names()) == []
