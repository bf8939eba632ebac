"""What a pipeline tells while somebody speaks, and what can be done to it meanwhile."""

import time
from dataclasses import replace
from itertools import pairwise
from threading import Event, Thread

import numpy as np
import pytest
from staged import SCORES, FakeScorer, FakeSource, build
from waiting import wait_until

from monitor.flow import SAMPLE_RATE
from monitor.timeline.notes import Mark
from stser_core.audio import load_mono

PATIENCE_S = 10


class Stepping(FakeSource):
    """A source that gives as much sound as it is told to."""

    allowed = taken = 0

    def blocks(self):
        for block in super().blocks():
            while block.start >= self.allowed:
                if self.stopped.wait(0.001):
                    return
            yield block
            self.taken = block.end


@pytest.fixture(scope="module")
def sound(data):
    """One second of silence, then somebody on the first channel for some seconds, then silence again."""
    clip = load_mono(data / "emodb" / "03a02Nc.flac")
    talk = np.zeros((2, 10 * SAMPLE_RATE), dtype=np.float32)
    noise = np.random.default_rng(1).normal(0, 1e-4, talk.shape[1]).astype(np.float32)
    long = np.concatenate([clip, clip, clip])[: 4 * SAMPLE_RATE]
    talk[0, SAMPLE_RATE : SAMPLE_RATE + len(long)] = long
    return talk + noise


class Run:
    def __init__(self, sound, scorer=None, **options):
        self.source, self.scorer, self.turns = Stepping(sound), scorer or FakeScorer(), []
        usual = {"scorer": self.scorer, "capacity": 512, "segmentation": None, "follow": lambda: True}
        self.pipeline = build(self.source, [self.turns.append], **usual, **options)
        self.thread = Thread(target=self.pipeline.run, daemon=True)
        self.thread.start()

    def hear_until(self, seconds):
        """Step by step, so that all threads keep pace as they do with a microphone."""
        while self.source.allowed < round(seconds * SAMPLE_RATE):
            self.source.allowed = min(self.source.allowed + 1600, round(seconds * SAMPLE_RATE))
            wait_until(lambda: self.source.taken >= self.source.allowed)

    def end(self):
        if self.scorer.gate is not None:
            self.scorer.gate.set()
        self.pipeline.stop()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def run(sound):
    runs = []

    def start(talk=sound, **options):
        runs.append(Run(talk, **options))
        return runs[-1]

    yield start
    for one in runs:
        one.end()


class TestWhileSomebodySpeaks:
    def test_level_words_and_an_estimate_of_all_so_far_can_be_read_until_the_turn_is_written(self, run):
        timings = []
        going = run(timings=lambda *times: timings.append(times))
        going.hear_until(0.9)
        quiet, _ = going.pipeline.channels
        assert not quiet.speaking
        assert quiet.level_dbfs < -60
        going.hear_until(4.6)
        wait_until(lambda: len(going.scorer.scored) >= 2 and going.pipeline.channels[0].scores is not None)
        speaking, other = going.pipeline.channels
        assert speaking.since_s == pytest.approx(1.0, abs=0.35)
        assert speaking.level_dbfs > -50
        assert speaking.words.endswith("seconds")
        assert speaking.scores == SCORES
        assert not other.speaking
        assert going.turns == []
        lengths = [len(one.samples) / SAMPLE_RATE for one in going.scorer.scored]
        assert 2 <= len(lengths) <= 4
        assert lengths == sorted(lengths)
        assert all(later - earlier >= 0.99 for earlier, later in pairwise(lengths))
        assert going.scorer.scored[-1].text.endswith("seconds")
        going.hear_until(8.0)
        wait_until(lambda: len(going.turns) > 0)
        assert [turn.turn for turn in going.turns] == list(range(1, len(going.turns) + 1))
        assert (going.pipeline.channels[0].scores, going.pipeline.channels[0].words) == (None, "")
        going.end()
        assert len(timings) == len(going.turns)
        assert all(list(times) == sorted(times) for times in timings)

    def test_a_channel_that_is_not_scored_is_not_estimated(self, run, sound):
        going = run(sound[::-1])
        going.hear_until(4.5)
        wait_until(lambda: going.pipeline.channels[1].words != "")
        assert going.pipeline.channels[1].speaking
        time.sleep(0.05)
        assert going.scorer.scored == []

    def test_a_busy_scorer_is_never_kept_from_turns_by_estimates(self, run):
        scorer = FakeScorer(gate=Event())
        going = run(scorer=scorer)
        going.hear_until(3.9)
        assert scorer.at_gate.wait(PATIENCE_S)
        going.hear_until(9.0)
        # One estimate is being made; those that came meanwhile are dropped, the turn waits.
        wait_until(lambda: going.pipeline.turns_waiting > 0)
        scorer.gate.set()
        wait_until(lambda: going.pipeline.turns_waiting == 0 and len(going.turns) > 0)
        assert len(scorer.scored) == len(going.turns) + 1


def test_what_is_said_during_a_pause_is_not_analysed_and_time_goes_on(run):
    going = run()
    going.hear_until(2.5)
    going.pipeline.pause(True)
    going.hear_until(3.6)
    wait_until(lambda: len(going.turns) == 1)
    assert going.pipeline.paused
    assert going.turns[0].end_s == pytest.approx(2.65, abs=0.2)
    going.pipeline.pause(False)
    going.hear_until(8.0)
    wait_until(lambda: len(going.turns) >= 2)
    assert going.turns[1].start_s == pytest.approx(3.6, abs=0.35)
    assert {turn.dropped_ms for turn in going.turns} == {0}


@pytest.mark.parametrize("paused", [True, False])
def test_sound_that_waited_is_silent_where_it_came_during_a_pause(sound, paused):
    class Late(FakeSource):
        def blocks(self):
            return (replace(block, arrived_at=self.arrived_s) for block in super().blocks())

    source, turns = Late(sound), []
    pipeline = build(source, [turns.append])
    pipeline.pause(paused)
    source.arrived_s = time.monotonic()
    pipeline.pause(not paused)
    pipeline.run()
    assert bool(turns) is not paused


def test_a_note_goes_to_its_outputs_between_the_turns(run):
    notes = []
    going = run(note_outputs=[notes.append])
    going.hear_until(2.0)
    assert going.pipeline.note(Mark(1, going.pipeline.position_s))
    wait_until(lambda: notes == [Mark(1, 2.0)])
    going.end()
    assert not going.pipeline.note(Mark(2, 3.0))


def test_a_replay_asks_for_no_words_on_the_way(sound, monkeypatch):
    monkeypatch.delattr("staged.FakeStream.partial")
    turns = []
    build(FakeSource(sound), [turns.append]).run()
    assert turns
