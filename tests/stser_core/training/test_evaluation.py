"""Single clips, pairs, call-like streams and routine calls, scored by a recognizer whose answers are known."""

from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import making
import numpy as np
import pytest
import torch
from making import Frames, believed

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.scores import EmotionScores
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.training import streams
from stser_core.training.evaluation import (
    SpeechInputs,
    clip_report,
    pair_report,
    pairs_of,
    predict,
    report,
    service_report,
)
from stser_core.training.report import metrics_table, stream_rows, stream_tables, with_streams
from stser_core.training.routine import Channel

LEVELS = {"angry": 0.8, "happy": 0.6, "neutral": 0.1, "sad": 0.3}
PRIOR = (0.1, 0.1, 0.7, 0.1)


class Known:
    """Recognises a sound by its level, above a speaker's baseline if `relative`, and a text by the label in it."""

    name, attends, needs_text, uses_speaker_baseline = "known", True, True, False

    def __init__(self, *classifiers, wrong=None, relative=False):
        self.classifiers, self.wrong, self.relative, self.prior = classifiers, wrong, relative, PRIOR
        self.baselines, self.priors, self.encoded = [], set(), 0

    def frames(self, waveforms):
        self.encoded += len(waveforms)
        return [torch.full((2, 4), float(np.abs(one).max())) for one in waveforms]

    def score(self, inputs):
        self.baselines += [one.speaker for one in inputs]
        self.priors.add(self.prior)
        return [self._score(one) for one in inputs]

    def _score(self, one):
        answers = {}
        if "speech" in self.classifiers and (one.frames is not None or len(one.samples)):
            level = float(np.abs(one.samples).max() if one.frames is None else one.frames.max())
            if self.relative and one.speaker is not None:
                level -= float(one.speaker.mean(np.zeros(4, np.float32), 1e-9)[0])
            label = min(LEVELS, key=lambda name: abs(LEVELS[name] - level))
            answers["speech"] = believed("angry" if label == self.wrong else label)
        if one.text:
            answers["text"] = believed(next(label for label in LABELS if label in one.text))
        if len(answers) == 2:
            answers["bimodal"] = answers["speech"]
        return EmotionScores(answers, tuple(np.mean(list(answers.values()), axis=0))) if answers else None


def inputs(recognizer=None):
    def level(path):
        return LEVELS[path.parent.name]

    recognizer = recognizer or Known("speech", "text", "bimodal")
    return SpeechInputs(recognizer, Frames(level), lambda path: np.full(8_000, level(path), np.float32))


def clip(number, sound, text, label, **given):
    """A clip that sounds like one label, or has none, and has another one."""
    given = {"id": f"{number}", "language": "en", "gender": "F"} | given
    return making.clip(number, path=sound and Path(f"/{sound}/{number}.wav"), text=text, label=label, **given)


def acted(speakers="ab", each=4):
    every = product(speakers, LABELS, range(each))
    return [clip(f"{who}{n}{label}", label, None, label, speaker=who) for who, label, n in every]


CLIPS = [
    clip(1, "angry", "angry words", "angry"),
    clip(2, "sad", "happy words", "happy"),
    clip(3, "sad", None, "sad", corpus="d"),
    clip(4, None, "happy words", "happy", gender=None),
]
TEXTS = [clip(10 + n, None, f"{label} words", label) for n, label in enumerate(LABELS)]


def test_each_classifier_is_evaluated_on_what_it_could_answer_and_broken_down():
    given = inputs()
    found = report(given.recognizer, predict(given, CLIPS))
    classifiers, breakdown = found["classifiers"], found["breakdown"]
    assert given.recognizer.priors == {None}, "clips are scored without class prior"
    assert (found["checkpoint"], found["labels"]) == ("known", ["angry", "happy", "neutral", "sad"])
    counts = {name: one["n"] for name, one in classifiers.items()}
    assert counts == {"speech": 3, "text": 3, "bimodal": 2, "ensemble": 2}
    assert (classifiers["speech"]["wa"], classifiers["text"]["wa"]) == (pytest.approx(2 / 3), 1.0)
    assert classifiers["bimodal"]["confusion"][LABELS.index("happy")] == [0, 0, 0, 1]
    assert set(breakdown) == {"corpus", "gender", "language", "band"} and set(breakdown["gender"]) == {"F"}
    assert breakdown["corpus"]["d"]["speech"]["n"] == 1 and "text" not in breakdown["corpus"]["d"]
    both = report(given.recognizer, predict(given, CLIPS, bands=("wide", "telephone")))
    bands = both["breakdown"]["band"]
    assert bands["wide"]["speech"]["n"] == bands["telephone"]["speech"]["n"] == 3
    for table in (both["classifiers"], both["breakdown"]["language"]["en"]):
        assert {name: one["n"] for name, one in table.items()} == counts, "of both bands, the wide one counts"
    narrow = report(given.recognizer, predict(given, CLIPS, bands=("telephone",)))
    assert narrow["classifiers"]["text"]["n"] == 3, "texts have no band"
    with pytest.raises(DataError, match="nothing can be evaluated"):
        report(given.recognizer, [])


def test_a_known_baseline_is_that_of_the_speaker_s_other_neutral_clips():
    relative = inputs(Known("speech", "text", "bimodal", relative=True))
    loud = [clip(n, "angry", None, "neutral" if n < 2 else "angry") for n in range(4)]
    unseen = replace(clip(9, "angry", None, "angry"), speaker="x")
    found = predict(relative, [*loud, unseen], baselines=("none", "neutral"))
    known = {one.clip.id: one.scores.emotion for one in found if one.baseline == "neutral"}
    assert known == dict.fromkeys("0123", "neutral"), "loud is what this speaker sounds like; of x nothing is known"
    single = predict(relative, loud[:1], baselines=("none", "neutral"))
    assert [one.baseline for one in single] == ["none"], "a clip is not its own baseline"
    groups = report(relative.recognizer, found)["breakdown"]["baseline"]
    assert groups["none"]["speech"]["n"] == 5 and groups["neutral"]["speech"]["n"] == 4
    relative.recognizer.uses_speaker_baseline = True
    alone = pair_report(relative, [loud[0], *TEXTS])["pairs"]["agreeing"]["speech"]
    assert (alone["n"], alone["wa"]) == (1, 0.0), "nor in its pairs"
    assert pair_report(relative, [*loud[:2], *TEXTS])["pairs"]["all"]["speech"]["n"] == 8


def test_pairs_are_scored_with_the_speaker_s_neutral_clips_whatever_the_texts_are():
    relative = inputs(Known("speech", "text", "bimodal", relative=True))
    relative.recognizer.uses_speaker_baseline = True
    loud = [clip(n, "angry", None, "neutral") for n in range(2)]
    unseen = replace(clip(2, "angry", None, "angry"), speaker="x")
    emotional = [text for text in TEXTS if text.label != "neutral"]
    pairs = pair_report(relative, [*loud, unseen, *emotional])["pairs"]
    assert {kind: some["speech"]["n"] for kind, some in pairs.items()} == {
        "agreeing": 1,
        "neutral_speech": 6,
        "all": 7,
    }
    assert pairs["agreeing"]["speech"]["wa"] == 1.0, "without a baseline, where there is none"
    assert pairs["neutral_speech"]["speech"]["wa"] == 0.0, "the speech is neutral, and the words are not"
    assert sum(one is None for one in relative.recognizer.baselines) == 1


def test_pairs_follow_from_both_labels_and_are_reported_by_kind():
    sounds = [clip(0, "angry", None, "angry"), clip(1, "sad", None, "neutral")]
    pairs = pairs_of([*sounds, *TEXTS])
    said = {kind: [(one.path.parent.name, one.text, one.label) for one in some] for kind, some in pairs.items()}
    assert said == {
        "agreeing": [("angry", "angry words", "angry"), ("sad", "neutral words", "neutral")],
        "neutral_text": [("angry", "neutral words", "angry")],
        "neutral_speech": [("sad", f"{one} words", one) for one in ("angry", "happy", "sad")],
    }
    found = pair_report(inputs(), [sounds[0], *TEXTS])["pairs"]
    assert found["agreeing"]["bimodal"]["wa"] == found["neutral_text"]["bimodal"]["wa"] == 1.0
    assert found["neutral_text"]["text"]["wa"] == 0.0 and found["all"]["speech"]["n"] == 2
    assert pair_report(inputs(), TEXTS) == {}
    assert service_report(inputs(), TEXTS) == {"service": {"n": 4, "neutral": 0.25}}
    table = metrics_table(clip_report(inputs(), [*sounds, *TEXTS], ("wide",), TEXTS))
    last = [[*column.cells][-1] for column in table.columns]
    assert (last[0], last[2], last[3 + 2 + LABELS.index("neutral")]) == ("service texts", "4", "25.0")


def test_streams_are_seeded_of_one_speaker_and_mixed_as_is_said():
    drawn = streams.streams_of(acted())
    assert drawn == streams.streams_of(acted()[::-1]) != streams.streams_of(acted(), seed=1)
    assert {kind for kind, _ in drawn} == set(streams.KINDS)
    for (kind, speaker), turns in drawn.items():
        assert {clip.speaker for clip in turns} == {speaker}
        labels = Counter(clip.label for clip in turns)
        assert len(turns) == {"85 % neutral": 60, "even": 80, "neutral all along": 30}.get(kind, 20)
        if kind == "85 % neutral":
            assert 42 <= labels["neutral"] <= 58
        elif kind == "even":
            assert min(labels[label] for label in LABELS) >= 10
        else:
            assert set(labels) == {kind.split()[0]}
    few = [clip for clip in acted("a") if clip.label != "sad"] + acted("b", each=2)
    assert {kind for kind, _ in streams.streams_of(few)} == {"neutral all along", "angry all along", "happy all along"}


def test_recalls_are_those_of_the_answers_and_each_stream_has_a_baseline_of_its_own():
    recognizer = Known("speech", wrong="happy")
    found = streams.stream_metrics(streams.run_streams(inputs(recognizer), acted(), "wide"))
    assert found["85 % neutral"]["recall"]["neutral"] == 1.0 and found["even"]["recall"]["happy"] == 0.0
    wrong = {"turns": 40, "recall": {"happy": 0.0}, "emotions": 0.0, "neutral": 0.0, "ece": 0}
    assert found["happy all along"] | {"ece": 0} == wrong
    assert found["even"]["emotions"] == pytest.approx(2 / 3)
    assert found["neutral all along"]["ece"] == pytest.approx(0.15, abs=1e-6)
    assert len({id(one) for one in recognizer.baselines}) == len(streams.KINDS) * 2


def call(levels):
    hiss = 0.001 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    sound = np.concatenate([part for level in levels for part in (level * tone, hiss[:16_000])])
    turns = tuple((n * 32_000, n * 32_000 + 16_000) for n in range(len(levels)))
    return Channel("call", "call", sound, turns, hiss)


def test_routine_calls_count_neutral_sure_and_false_alerts():
    channel = call([0.1, 0.1, 0.8, 0.8, 0.8, 0.1, 0.3, 0.1])
    found = streams.routine_metrics(inputs(Known("speech")), [channel])["call"]
    assert (found["turns"], found["neutral"], found["sure"]) == (8, 0.5, 0.5)
    assert found["alerts_per_hour"] == pytest.approx(3600 * 16_000 / len(channel.sound))
    given = inputs(Known("speech"))
    assert [len(given.turns(one, SpeakerBaseline())) for one in (channel, call([0.1]))] == [8, 1], "of one name"
    for angry, rings in (([0.8, 0.6, 0.8], 0), ([0.8] * 5, 1), ([0.8, 0.8, 0.1, 0.8, 0.8], 2)):
        assert streams.false_alerts([EmotionScores({}, believed("angry", one)) for one in angry]) == rings


def test_clips_laid_in_come_over_the_line_of_the_call_and_share_its_baseline():
    line = streams.CallLine(call([0.1] * 3))
    assert line.level == pytest.approx(0.1 / 2**0.5, rel=0.01)
    assert line.low_hz < 1_000 < line.high_hz < 1_200
    time = np.arange(16_000) / 16_000
    both = sum(np.sin(2 * np.pi * hz * time) for hz in (1_000, 3_000)).astype(np.float32) / 4
    carried = line.carry(both, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(carried))
    assert np.sqrt(np.square(carried).mean()) == pytest.approx(line.level, rel=0.1)
    assert spectrum[3_000] < 0.02 * spectrum[1_000]
    recognizer = Known("speech")
    found = streams.laid_in_metrics(inputs(recognizer), [call([0.1] * 9)], acted())
    assert (found["laid"], found["neutral"]) == (9, 1.0)
    assert found["emotions"] == 0.0, "at the call's level everything sounds neutral to this recognizer"
    assert len({id(one) for one in recognizer.baselines}) == 3


def test_the_report_is_a_table_and_opens_the_card():
    recognizer = Known("speech")
    report = streams.stream_report(inputs(recognizer), acted(), [call([0.1] * 3)])
    assert recognizer.encoded == 3, "each turn of the call once"
    assert set(report["streams"]) == {"wide", "telephone"} and report["prior"] == PRIOR
    rows, routine = stream_rows(report)
    assert rows[1][:2] == ("85 % neutral, wide", "120") and rows[1][4] == "100.0"
    assert routine[1] == ("call", "3", "100.0", "0.0", "0.0")
    assert len(stream_tables(report)) == 2
    text = with_streams("# Title\n\nIntroduction.\n\n## Data\n\nmore\n", report)
    assert with_streams(text, report) == text
    assert text.index("Introduction") < text.index("| 85 % neutral, wide |") < text.index("## Data")
    assert "neutral=0.7" in text
    silent = streams.stream_report(inputs(Known("text")), acted(), [call([0.1] * 3)])
    assert silent["streams"] == {} and not {"routine", "laid_in"} & set(silent), "nothing was answered"
