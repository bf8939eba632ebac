"""How sure several may be together, where their voice is joined with words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from stser_core.emotions import LABELS
from stser_core.ensemble import Ensemble, Joining
from stser_core.scores import EmotionScores
from stser_core.training.clip import Clip
from stser_core.training.evaluation import Judged
from stser_core.training.members import together

COUNT = 4000


def judged(answers: dict[str, np.ndarray], truth: np.ndarray) -> list[Judged]:
    """What classifiers answered to utterances, whose logits these are."""
    shares = {name: softmax(logits, axis=1).tolist() for name, logits in answers.items()}
    return [
        Judged(
            Clip(str(row), None, "words", LABELS[label], "somebody", None, None, None, "world", None),
            "wide",
            EmotionScores({name: tuple(of[row]) for name, of in shares.items()}, ()),
            "known",
        )
        for row, label in enumerate(truth)
    ]


def test_the_voice_s_own_temperature_is_found_before_it_is_joined(spoken_world):
    """Two hear the same, half as surely as they could: made surer, their mean needs no more where it is joined."""
    joining = Joining(text_neutral=0.3, voice_neutral=0.5)
    world = spoken_world(joining, COUNT)
    heard = {"speech": world.heard / 2, "pitch": world.heard / 2}
    by_company = {
        "speech+text+pitch": judged({**heard, "text": world.read}, world.answer),
        "speech+pitch": judged(heard, world.voice),
    }

    found = together._found(by_company, Ensemble(joining=joining, voices=("speech", "pitch")))

    assert found["speech+pitch"] == pytest.approx(0.5, rel=0.1)
    assert found["speech+text+pitch"] == pytest.approx(1, rel=0.15)
