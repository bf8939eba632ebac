"""The checkpoint that ships answers as somebody would who listens and reads. Its figures are in its model card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stser_core import checkpoint
from stser_core.audio import load_mono
from stser_core.recognizer import Recognizer
from stser_core.scores import Spoken

MOST_BYTES = 20e6

SAYING_NOTHING = "What time is it now?"
WORDS = {
    "angry": "I am so angry about this, it is outrageous.",
    "happy": "I'm so happy, this is wonderful!",
    "sad": "My sister died and I cry every day.",
}
CALM = ("03a02Nc", "14a01Na")
ANGRY = ("08a01Wa", "13a02Wa")


@pytest.fixture(scope="module")
def default() -> Recognizer:
    return Recognizer.load(accelerator="cpu")


@pytest.fixture(scope="module")
def emotion(default: Recognizer, data: Path):
    def answer(name: str, words: str | None = None) -> str:
        (scores,) = default.score([Spoken(load_mono(data / "emodb" / f"{name}.flac"), words)])
        assert scores is not None
        return scores.emotion

    return answer


@pytest.mark.parametrize(("said", "words"), WORDS.items())
@pytest.mark.parametrize("name", CALM)
def test_emotional_words_in_a_calm_voice_are_heard(emotion, name, said, words):
    assert emotion(name) == "neutral"
    assert emotion(name, words) == said


@pytest.mark.parametrize("name", ANGRY)
def test_words_that_say_nothing_leave_the_voice_its_emotion(emotion, name):
    assert emotion(name) == emotion(name, SAYING_NOTHING) == "angry"


@pytest.mark.parametrize("name", CALM)
def test_where_neither_carries_an_emotion_there_is_none(emotion, name):
    assert emotion(name, SAYING_NOTHING) == "neutral"


def test_it_is_small_and_says_what_may_be_done_with_it():
    (listed,) = (one for one in checkpoint.available() if one.name == "default")
    assert listed.size < MOST_BYTES
    assert re.search(r"^license: cc-by-nc-sa-4\.0$", (listed.path / "README.md").read_text(), re.MULTILINE)
