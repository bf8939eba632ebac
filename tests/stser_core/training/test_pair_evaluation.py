"""Voices joined with texts: which are, and what is right."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from stser_core.emotions import LABELS
from stser_core.encoding import Encoding
from stser_core.recognizer import Recognizer
from stser_core.scores import EmotionScores, Spoken
from stser_core.training.clip import Clip
from stser_core.training.pair_evaluation import judge_pairs


def certain(label: str) -> tuple[float, ...]:
    return tuple(0.97 if one == label else 0.01 for one in LABELS)


class Ears:
    """Answers what the voice's length says, what the words say, and (bimodal) always the words unless neutral."""

    name = "ears"
    adapts = False
    classifiers = ("speech", "text", "bimodal")

    def score(self, spoken: list[Spoken]) -> list[EmotionScores]:
        found = []
        for one in spoken:
            voice, words = LABELS[len(one.samples) // 1_600 - 1], str(one.text)
            both = words if words != "neutral" else voice
            shares = {"speech": certain(voice), "text": certain(words), "bimodal": certain(both)}
            found.append(EmotionScores(shares, certain(both)))
        return found


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Voices whose length tells their label, one of them with words of its own; texts that are their label."""
    made = []
    for number, label in enumerate(LABELS):
        path = tmp_path / f"{label}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(b"\x01\x10" * 1_600 * (number + 1))
        made.append(Clip(label, path, "words of its own", label, "one", None, None, None, "voices", None))
        made.append(Clip(f"text {label}", None, label, label, label, None, None, None, "texts", None))
    return made


def test_each_kind_is_judged_by_its_own_right_answer(clips: list[Clip]) -> None:
    figures = judge_pairs(cast(Recognizer, Ears()), clips)
    assert {kind: figures[kind]["ensemble"]["n"] for kind in figures} == {
        "agreeing": 4,
        "text_neutral": 3,
        "voice_neutral": 3,
        "all": 10,
    }
    assert {kind: figures[kind]["speech"]["ua"] for kind in figures if kind != "all"} == {
        "agreeing": 1.0,
        "text_neutral": 1.0,
        "voice_neutral": 0.0,
    }
    assert {kind: figures[kind]["text"]["ua"] for kind in figures if kind != "all"} == {
        "agreeing": 1.0,
        "text_neutral": 0.0,
        "voice_neutral": 1.0,
    }
    assert figures["all"]["ensemble"]["ua"] == 1.0


def test_a_member_that_has_no_encoder_here_is_left_out(clips: list[Clip]) -> None:
    class WithWhisper(Ears):
        adapts = False
        classifiers = (*Ears.classifiers, "whisper")

    ears = cast(Recognizer, WithWhisper())
    assert "ensemble" not in judge_pairs(ears, clips)["all"]  # it never answers, so that nothing is judged together
    figures = judge_pairs(ears, clips, classifiers=Ears.classifiers)
    assert figures["all"].keys() == {"speech", "text", "bimodal", "ensemble"}


def test_members_hear_through_their_encoder(clips: list[Clip]) -> None:
    class Listening(Ears):
        def score(self, spoken: list[Spoken]) -> list[EmotionScores]:
            assert all(one.encoding is not None and one.encoding.vector == len(one.samples) for one in spoken)
            return super().score(spoken)

    def encode(samples: np.ndarray) -> Encoding:
        return Encoding("length", np.array([len(samples)], dtype=np.float32))

    assert judge_pairs(cast(Recognizer, Listening()), clips, encode=encode)["all"]["ensemble"]["n"] == 10


def test_without_texts_there_are_no_pairs(clips: list[Clip]) -> None:
    voices = [clip for clip in clips if clip.path is not None]
    assert judge_pairs(cast(Recognizer, Ears()), voices) == {}
    assert judge_pairs(cast(Recognizer, SimpleNamespace()), []) == {}
