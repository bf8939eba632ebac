"""The checkpoint that ships gives the answers that a user expects. Its metrics are in its model card."""

import re
from pathlib import Path

import pytest

from stser_core import checkpoint
from stser_core.audio import load_mono
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput

MOST_BYTES = 27e6

NEUTRAL_WORDS = "What time is it now?"
WORDS = {
    "angry": "I am so angry about this, it is outrageous.",
    "happy": "I'm so happy, this is wonderful!",
    "sad": "My sister died and I cry every day.",
}
NEUTRAL = ("03a02Nc", "14a01Na")
ANGRY = ("08a01Wa", "13a02Wa")


@pytest.fixture(scope="module")
def default() -> EmotionRecognizer:
    return EmotionRecognizer.load(accelerator="cpu")


@pytest.fixture(scope="module")
def emotion(default: EmotionRecognizer, data: Path):
    def answer(name: str, words: str | None = None) -> str:
        (scores,) = default.score([SpeechInput(load_mono(data / "emodb" / f"{name}.flac"), words)])
        assert scores is not None
        return scores.emotion

    return answer


@pytest.mark.parametrize("name", NEUTRAL)
def test_neutral_speech_is_neutral_unless_its_words_are_emotional(emotion, name):
    assert emotion(name) == emotion(name, NEUTRAL_WORDS) == "neutral"
    assert {said: emotion(name, words) for said, words in WORDS.items()} == {said: said for said in WORDS}


@pytest.mark.parametrize("name", ANGRY)
def test_neutral_words_leave_the_speech_its_emotion(emotion, name):
    assert emotion(name) == emotion(name, NEUTRAL_WORDS) == "angry"


def test_it_is_small_and_names_its_licence():
    (folder,) = (path for path in checkpoint.available() if path.name == "default")
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
    assert re.search(r"^license: cc-by-nc-sa-4\.0$", (folder / "README.md").read_text(), re.MULTILINE)


def test_what_occurs_in_operation_is_calibrated_and_calls_are_mostly_neutral(default):
    assert all(default.is_calibrated(default.answering(text=text)) for text in (True, False))
    assert default.prior is not None and max(default.prior) == default.prior[2]
