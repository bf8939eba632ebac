"""The figures of `evaluate`: what is counted for whom, and that they are those of the answers given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.scores import EmotionScores, Spoken
from stser_core.training.clip import Clip
from stser_core.training.evaluation import by_classifier, judge, over, report
from stser_core.training.members.judging import _names


class Oracle:
    """Hears 'angry' in loud sounds, reads it in the word 'angry', and believes either a little."""

    name = "oracle"
    adapts = False
    classifiers = ("speech", "text", "bimodal")

    def score(self, utterances: list[Spoken]) -> list[EmotionScores | None]:
        return [self._one(spoken) for spoken in utterances]

    def _one(self, spoken: Spoken) -> EmotionScores | None:
        answers = {}
        if len(spoken.samples):
            answers["speech"] = _believe("angry" if np.abs(spoken.samples).max() > 0.5 else "sad")
        if spoken.text:
            answers["text"] = _believe("angry" if "angry" in spoken.text else "happy")
        if len(answers) == 2:
            answers["bimodal"] = answers["speech"]
        if not answers:
            return None
        return EmotionScores(answers, tuple(np.mean(list(answers.values()), axis=0)))


def _believe(label: str) -> tuple[float, ...]:
    return tuple(0.7 if one == label else 0.1 for one in LABELS)


def clip(
    number: int, path: str | None, text: str | None, label: str, corpus: str = "c", gender: str | None = "F"
) -> Clip:
    return Clip(f"{number}", Path(path) if path else None, text, label, "s", None, None, "en", corpus, gender)


CLIPS = [
    clip(1, "loud", "angry words", "angry"),
    clip(2, "quiet", "nice words", "happy"),
    clip(3, "quiet", None, "sad", corpus="d"),
    clip(4, None, "nice words", "happy", gender=None),
]


def load(path: Path) -> np.ndarray:
    return np.full(1_600, 0.9 if path.name == "loud" else 0.1, dtype=np.float32)


def figures() -> dict:
    return report(Oracle(), judge(Oracle(), CLIPS, load=load))


def test_each_classifier_is_judged_on_what_it_could_answer() -> None:
    classifiers = figures()["classifiers"]
    assert {name: one["n"] for name, one in classifiers.items()} == {
        "speech": 3,
        "text": 3,
        "bimodal": 2,
        "ensemble": 2,
    }
    assert classifiers["speech"]["wa"] == pytest.approx(2 / 3)
    assert classifiers["text"]["wa"] == 1.0
    assert classifiers["bimodal"]["confusion"][LABELS.index("happy")] == [0, 0, 0, 1]


def test_the_report_says_everything_that_was_promised() -> None:
    found = figures()
    assert found["checkpoint"] == "oracle"
    assert found["labels"] == ["angry", "happy", "neutral", "sad"]
    assert set(found["classifiers"]["speech"]) == {"n", "wa", "ua", "recall", "confusion", "ece"}
    assert set(found["breakdown"]) == {"corpus", "gender", "language", "band"}
    assert found["breakdown"]["corpus"]["d"]["speech"]["n"] == 1
    assert "text" not in found["breakdown"]["corpus"]["d"]
    assert set(found["breakdown"]["gender"]) == {"F"}


def test_the_line_changes_the_sound_and_is_reported_apart() -> None:
    judged = judge(Oracle(), CLIPS[:3], bands=("wide", "telephone"), load=load)
    assert [one.band for one in judged] == ["wide", "telephone"] * 3
    bands = report(Oracle(), judged)["breakdown"]["band"]
    assert bands["wide"]["speech"]["n"] == bands["telephone"]["speech"]["n"] == 3


def test_texts_without_sound_are_of_no_band() -> None:
    bands = report(Oracle(), judge(Oracle(), CLIPS, bands=("telephone",), load=load))["breakdown"]["band"]
    assert {band: classifiers["text"]["n"] for band, classifiers in bands.items()} == {"telephone": 2}


@pytest.mark.parametrize(("seconds", "calls"), [(0.1, [64, 64, 22]), (240, [3] * 50)])
def test_clips_are_scored_several_at_a_time_within_bounded_memory(seconds: float, calls: list[int]) -> None:
    class Counting(Oracle):
        def __init__(self) -> None:
            self.calls: list[int] = []

        def score(self, utterances: list[Spoken]) -> list[EmotionScores | None]:
            self.calls.append(len(utterances))
            return super().score(utterances)

    counting = Counting()
    sound = np.full(int(seconds * 16_000), 0.9, dtype=np.float32)
    clips = [clip(number, "loud", None, "angry") for number in range(150)]
    judged = judge(counting, clips, load=lambda _: sound)
    assert [one.clip.id for one in judged] == [one.id for one in clips]
    assert counting.calls == calls


def test_the_telephone_takes_the_treble_away() -> None:
    time = np.arange(16_000) / 16_000
    treble = np.sin(2 * np.pi * 5_000 * time).astype(np.float32)
    assert np.abs(over("telephone", treble)[1_000:-1_000]).max() < 0.05
    assert over("wide", treble) is treble


def test_nothing_to_judge_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to evaluate"):
        report(Oracle(), [])
    assert by_classifier([], ("speech",)) == {}


class Acquainted(Oracle):
    """Knows the answer from the third utterance of a voice on, and before that says sad."""

    adapts = True

    def score(self, utterances: list[Spoken]) -> list[EmotionScores | None]:
        return [self._by_voice(spoken) for spoken in utterances]

    def _by_voice(self, spoken: Spoken) -> EmotionScores:
        label = "sad"
        if spoken.voice is not None:
            before = spoken.voice.adapted("heard", torch.ones(1), torch.zeros(1))
            label = "angry" if before < 0.4 else "sad"  # 1, 1/2, 1/3, …
        return EmotionScores({"speech": _believe(label)}, _believe(label))


def test_known_voices_are_judged_beside_new_ones() -> None:
    said = [replace(clip(n, f"{n}/loud", None, "angry"), speaker=f"s{n % 2}") for n in range(12)]
    recognizer = Acquainted()

    judged = judge(recognizer, said, bands=("wide", "telephone"), load=load)
    found = report(recognizer, judged, ("speech",))

    assert len(judged) == 4 * len(said)
    assert found["classifiers"]["speech"]["n"] == 2 * len(said)
    # of two speakers over two bands, the first two clips are not known yet
    assert found["classifiers"]["speech"]["wa"] == pytest.approx(1 - 2 * 2 * 2 / (2 * len(said)))
    assert found["breakdown"]["voice"]["new"]["speech"]["wa"] == 0
    assert found["breakdown"]["voice"]["known"] == found["classifiers"]
    assert sum(one["speech"]["n"] for one in found["breakdown"]["band"].values()) == 2 * len(said)


def test_who_does_not_get_used_to_voices_is_judged_by_new_ones_alone() -> None:
    recognizer = Oracle()
    found = report(recognizer, judge(recognizer, CLIPS, load=load))
    assert "voice" not in found["breakdown"]


def test_a_recording_with_several_texts_is_heard_once() -> None:
    recording = clip(0, "loud", None, "angry")
    again = [replace(recording, id=f"again {n}", text=f"other words {n}") for n in range(6)]
    other = [clip(n, f"{n}/loud", None, "angry") for n in (1, 2)]

    judged = judge(Acquainted(), [*again, *other], load=load, voices=("known",))

    # Two recordings are not known well enough, whichever comes first, with all their texts; the third is.
    right = {one.clip.path for one in judged if one.scores.ensemble.index(max(one.scores.ensemble)) == 0}
    assert len(right) == 1 and len(judged) == 8


def test_in_folds_a_first_clip_without_words_does_not_hide_who_reads() -> None:
    judged = judge(Oracle(), [clip(1, "loud", None, "angry"), clip(2, "quiet", "nice words", "happy")], load=load)
    assert _names(judged) == ("speech", "text", "bimodal")
