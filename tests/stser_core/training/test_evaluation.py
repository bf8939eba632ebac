"""Single clips and pairs: what is counted for whom, and with which baseline."""

from dataclasses import replace
from pathlib import Path

import making
import numpy as np
import pytest
from making import Frames, believed

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.scores import EmotionScores
from stser_core.training.evaluation import SpeechInputs, pair_report, pairs_of, predict, report, service_report


class Oracle:
    """Takes loud sounds and the word 'angry' for anger; with a baseline, sounds relative to it."""

    name, classifiers, prior = "oracle", ("speech", "text", "bimodal"), (0.0, 0.0, 1.0, 0.0)
    attends, needs_text, uses_speaker_baseline = True, True, False

    def score(self, inputs):
        assert self.prior is None, "clips are scored without class prior"
        return [self._one(one) for one in inputs]

    def _one(self, one):
        answers = {}
        if one.frames is not None:
            usual = 0.0 if one.speaker is None else float(one.speaker.mean(np.zeros(4, np.float32), 1e-9)[0])
            answers["speech"] = believed("angry" if float(one.frames.max()) - usual > 0.5 else "sad")
        if one.text:
            answers["text"] = believed("angry" if "angry" in one.text else "happy")
        if len(answers) == 2:
            answers["bimodal"] = answers["speech"]
        return EmotionScores(answers, tuple(np.mean(list(answers.values()), axis=0))) if answers else None


def clip(number, path, text, label, **given):
    plain = {"id": f"{number}", "language": "en", "gender": "F"} | given
    return making.clip(number, path=Path(path) if path else None, text=text, label=label, **plain)


CLIPS = [
    clip(1, "loud", "angry words", "angry"),
    clip(2, "quiet", "nice words", "happy"),
    clip(3, "quiet", None, "sad", corpus="d"),
    clip(4, None, "nice words", "happy", gender=None),
]
TEXTS = [clip(10 + n, None, f"{label} words", label) for n, label in enumerate(LABELS)]


def inputs():
    return SpeechInputs(Oracle(), Frames(lambda path: 0.9 if path.name == "loud" else 0.1))


def test_each_classifier_is_evaluated_on_what_it_could_answer_and_broken_down():
    found = report(Oracle(), predict(inputs(), CLIPS))
    classifiers, breakdown = found["classifiers"], found["breakdown"]
    assert (found["checkpoint"], found["labels"]) == ("oracle", ["angry", "happy", "neutral", "sad"])
    assert {name: one["n"] for name, one in classifiers.items()} == {
        "speech": 3,
        "text": 3,
        "bimodal": 2,
        "ensemble": 2,
    }
    assert (classifiers["speech"]["wa"], classifiers["text"]["wa"]) == (pytest.approx(2 / 3), 1.0)
    assert classifiers["bimodal"]["confusion"][LABELS.index("happy")] == [0, 0, 0, 1]
    assert set(breakdown) == {"corpus", "gender", "language", "band"} and set(breakdown["gender"]) == {"F"}
    assert breakdown["corpus"]["d"]["speech"]["n"] == 1 and "text" not in breakdown["corpus"]["d"]
    with pytest.raises(DataError, match="nothing can be evaluated"):
        report(Oracle(), [])


def test_bands_are_reported_apart_and_texts_have_none():
    found = report(Oracle(), predict(inputs(), CLIPS, bands=("wide", "telephone")))
    bands = found["breakdown"]["band"]
    assert bands["wide"]["speech"]["n"] == bands["telephone"]["speech"]["n"] == 3
    assert found["classifiers"]["text"]["n"] == 5


def test_a_known_baseline_is_that_of_the_speaker_s_other_neutral_clips():
    loud = [clip(n, f"{n}/loud", None, "neutral" if n < 2 else "angry") for n in range(4)]
    unseen = replace(clip(9, "9/loud", None, "angry"), speaker="x")
    found = predict(inputs(), [*loud, unseen], baselines=("none", "neutral"))
    known = {one.clip.id: one.scores.emotion for one in found if one.baseline == "neutral"}
    assert known == dict.fromkeys("0123", "sad"), "loud is what this speaker sounds like; of x nothing is known"
    single = predict(inputs(), loud[:1], baselines=("none", "neutral"))
    assert [one.baseline for one in single] == ["none"], "a clip is not its own baseline"
    groups = report(Oracle(), found)["breakdown"]["baseline"]
    assert groups["none"]["speech"]["n"] == 5 and groups["neutral"]["speech"]["n"] == 4


def test_a_clip_is_not_its_own_baseline_in_its_pairs_either():
    relative = inputs()
    relative.recognizer.uses_speaker_baseline = True
    lone, other = clip(0, "0/loud", None, "neutral"), clip(1, "1/loud", None, "neutral")
    assert all(some == {} for some in pair_report(relative, [lone, *TEXTS])["pairs"].values())
    assert pair_report(relative, [lone, other, *TEXTS])["pairs"]["all"]["speech"]["n"] == 8


def test_pairs_follow_from_both_labels_and_are_reported_by_kind():
    sounds = [clip(0, "loud", None, "angry"), clip(1, "quiet", None, "neutral")]
    pairs = pairs_of([*sounds, *TEXTS])
    said = {kind: [(one.path, one.text, one.label) for one in some] for kind, some in pairs.items()}
    assert said == {
        "agreeing": [(Path("loud"), "angry words", "angry"), (Path("quiet"), "neutral words", "neutral")],
        "text_neutral": [(Path("loud"), "neutral words", "angry")],
        "speech_neutral": [(Path("quiet"), f"{one} words", one) for one in ("angry", "happy", "sad")],
    }
    found = pair_report(inputs(), [sounds[0], *TEXTS])["pairs"]
    assert found["agreeing"]["bimodal"]["wa"] == found["text_neutral"]["bimodal"]["wa"] == 1.0
    assert found["text_neutral"]["text"]["wa"] == 0.0 and found["all"]["speech"]["n"] == 2
    assert pair_report(inputs(), TEXTS) == {}
    assert service_report(inputs(), TEXTS) == {"service": {"n": 4, "neutral": 0.0}}
