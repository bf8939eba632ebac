"""What the scores say of an utterance."""

from __future__ import annotations

import subprocess
import sys

from stser_core import EmotionScores

SCORES = EmotionScores(
    by_classifier={"speech": (0.1, 0.2, 0.3, 0.4), "text": (0.7, 0.1, 0.1, 0.1)}, ensemble=(0.4, 0.15, 0.2, 0.25)
)


def test_the_winner_and_its_probability():
    assert SCORES.emotion == "angry"
    assert SCORES.confidence == 0.4


def test_what_each_classifier_would_have_said():
    assert SCORES.emotion_of("speech") == "sad"
    assert SCORES.emotion_of("text") == "angry"
    assert SCORES.emotion_of("bimodal") is None


def test_of_equals_the_first_label_wins():
    assert EmotionScores({}, (0.25, 0.25, 0.25, 0.25)).emotion == "angry"


def test_scores_travel_without_torch():
    code = "import sys, stser_core; print([name for name in ('torch', 'numpy', 'av') if name in sys.modules])"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
