"""Call-like streams and routine calls, scored by a recognizer whose answers are known."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from making import Frames, believed, clip

from stser_core.emotions import LABELS
from stser_core.scores import EmotionScores
from stser_core.training.evaluation import SpeechInputs
from stser_core.training.report import stream_rows, stream_tables, with_streams
from stser_core.training.routine import Channel
from stser_core.training.streams import (
    KINDS,
    CallLine,
    false_alerts,
    laid_in_metrics,
    routine_metrics,
    run_streams,
    stream_metrics,
    stream_report,
    streams_of,
)

LEVELS = {"angry": 0.8, "happy": 0.6, "neutral": 0.1, "sad": 0.3}


class Levels:
    """Recognises a label by its level; notes the order of turns in each speaker baseline."""

    name, classifiers, prior = "levels", ("speech",), (0.1, 0.1, 0.7, 0.1)
    attends, needs_text, uses_speaker_baseline = True, False, True

    def __init__(self, wrong=None):
        self.wrong, self.baselines, self.encoded = wrong, [], 0

    def frames(self, waveforms):
        self.encoded += len(waveforms)
        return [torch.full((2, 4), float(np.abs(one).max())) for one in waveforms]

    def score(self, inputs):
        self.baselines += [one.speaker for one in inputs]
        return [self._score(one) for one in inputs]

    def _score(self, one):
        level = float(one.frames.max()) if one.frames is not None else float(np.abs(one.samples).max())
        label = min(LEVELS, key=lambda name: abs(LEVELS[name] - level))
        answer = believed("angry" if label == self.wrong else label)
        return EmotionScores({"speech": answer}, answer)


def clips(speakers="ab", each=4):
    return [
        clip(f"{who}/{label}{n}", path=Path(f"/{label}/{who}{n}.wav"), label=label, speaker=who)
        for who in speakers
        for label in LABELS
        for n in range(each)
    ]


def inputs(recognizer):
    def load(path):
        return np.full(8_000, LEVELS[path.parent.name], dtype=np.float32)

    return SpeechInputs(recognizer, Frames(lambda path: LEVELS[path.parent.name]), load)


def test_streams_are_seeded_of_one_speaker_and_mixed_as_is_said():
    drawn = streams_of(clips())
    assert drawn == streams_of(clips()[::-1]) != streams_of(clips(), seed=1)
    assert {kind for kind, _ in drawn} == {kind.name for kind in KINDS}
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
    few = [clip for clip in clips("a") if clip.label != "sad"] + clips("b", each=2)
    assert {kind for kind, _ in streams_of(few)} == {"neutral all along", "angry all along", "happy all along"}


def test_recalls_are_those_of_the_answers_and_each_stream_has_a_baseline_of_its_own():
    recognizer = Levels(wrong="happy")
    found = stream_metrics(run_streams(inputs(recognizer), clips(), "wide"))
    assert found["85 % neutral"]["recall"]["neutral"] == 1.0 and found["even"]["recall"]["happy"] == 0.0
    wrong = {"turns": 40, "recall": {"happy": 0.0}, "emotions": 0.0, "neutral": 0.0, "ece": 0}
    assert found["happy all along"] | {"ece": 0} == wrong
    assert found["even"]["emotions"] == pytest.approx(2 / 3)
    assert found["neutral all along"]["ece"] == pytest.approx(0.15, abs=1e-6)
    assert len({id(one) for one in recognizer.baselines}) == len(KINDS) * 2


def call(levels):
    hiss = 0.001 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    sound = np.concatenate([part for level in levels for part in (level * tone, hiss[:16_000])])
    turns = tuple((n * 32_000, n * 32_000 + 16_000) for n in range(len(levels)))
    return Channel("call", "call", sound, turns, hiss)


def test_routine_calls_count_neutral_sure_and_false_alerts():
    channel = call([0.1, 0.1, 0.8, 0.8, 0.8, 0.1, 0.3, 0.1])
    found = routine_metrics(inputs(Levels()), [channel])["call"]
    assert (found["turns"], found["neutral"], found["sure"]) == (8, 0.5, 0.5)
    assert found["alerts_per_hour"] == pytest.approx(1 / channel.hours)
    for angry, rings in (([0.8, 0.6, 0.8], 0), ([0.8] * 5, 1), ([0.8, 0.8, 0.1, 0.8, 0.8], 2)):
        assert false_alerts([EmotionScores({}, believed("angry", one)) for one in angry]) == rings


def test_clips_laid_in_come_over_the_line_of_the_call_and_share_its_baseline():
    line = CallLine(call([0.1] * 3))
    assert line.level == pytest.approx(0.1 / 2**0.5, rel=0.01)
    assert line.low_hz < 1_000 < line.high_hz < 1_200
    time = np.arange(16_000) / 16_000
    both = sum(np.sin(2 * np.pi * hz * time) for hz in (1_000, 3_000)).astype(np.float32) / 4
    carried = line.carry(both, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(carried))
    assert np.sqrt(np.square(carried).mean()) == pytest.approx(line.level, rel=0.1)
    assert spectrum[3_000] < 0.02 * spectrum[1_000]
    recognizer = Levels()
    found = laid_in_metrics(inputs(recognizer), [call([0.1] * 9)], clips())
    assert (found["laid"], found["neutral"]) == (9, 1.0)
    assert found["emotions"] == 0.0, "at the call's level everything sounds neutral to this recognizer"
    assert len({id(one) for one in recognizer.baselines}) == 3


def test_the_report_is_a_table_and_opens_the_card():
    recognizer = Levels()
    report = stream_report(inputs(recognizer), clips(), [call([0.1] * 3)])
    assert recognizer.encoded == 3, "each turn of the call once"
    assert set(report["streams"]) == {"wide", "telephone"} and report["prior"] == Levels.prior
    streams, routine = stream_rows(report)
    assert streams[1][:2] == ("85 % neutral, wide", "120") and streams[1][4] == "100.0"
    assert routine[1] == ("call", "3", "100.0", "0.0", "0.0")
    assert len(stream_tables(report)) == 2
    text = with_streams("# Title\n\nIntroduction.\n\n## Data\n\nmore\n", report)
    assert text.index("Introduction") < text.index("| 85 % neutral, wide |") < text.index("## Data")
    assert "neutral=0.7" in text
