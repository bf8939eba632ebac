"""What a pipeline makes of sound: turns, in order."""

import time
from threading import Event, Thread

import numpy as np
import pytest
from staged import ROLES, FakeScorer, FakeSource, FakeTranscriber, build, finish, rows_of
from waiting import wait_until

from monitor.flow import SAMPLE_RATE, Word
from stser_core.errors import UsageError


class TestTurns:
    def test_say_who_spoke_where_which_words_and_how_loudly_in_the_order_of_their_ends(self, rows, sound):
        assert len(rows) > 8
        assert [row.turn for row in rows] == list(range(1, len(rows) + 1))
        assert [row.end_s for row in rows] == sorted(row.end_s for row in rows)
        assert {(row.recording, row.checkpoint) for row in rows} == {("talk.wav", "fake-checkpoint")}
        assert {(row.channel, row.speaker, row.emotion) for row in rows} == {(1, "customer", "sad"), (2, "agent", None)}
        for row in rows:
            part = sound[row.channel - 1, round(row.start_s * SAMPLE_RATE) : round(row.end_s * SAMPLE_RATE)]
            assert row.words == (Word(str(part.size), row.start_s, round(row.start_s + 0.1, 3), 1.0),)
            assert row.loudness_dbfs == pytest.approx(10 * np.log10(np.mean(part**2)), abs=0.4)

    @pytest.mark.parametrize("capacity", [1, 2, 5])
    def test_are_the_same_however_narrow_the_queues(self, rows, sound, capacity):
        assert rows_of(sound, capacity=capacity) == rows

    def test_that_pile_up_are_scored_in_one_batch(self, sound):
        slow = FakeScorer()
        slow_score, slow.score = slow.score, lambda spoken: time.sleep(0.2) or slow_score(spoken)
        rows_of(sound, scorer=slow)
        assert 1 < max(map(len, slow.batches)) <= 16


def test_roles_that_do_not_fit_the_source_are_refused(sound):
    with pytest.raises(UsageError, match="2 channels, but 3 were described"):
        build(FakeSource(sound), [], roles=[*ROLES, ROLES[0]])


def test_one_role_for_several_channels_mixes_them(sound):
    assert rows_of(sound, roles=ROLES[:1]) == rows_of(sound.mean(axis=0, keepdims=True), roles=ROLES[:1])


def test_progress_and_who_is_speaking_can_be_read(sound):
    gate = Event()
    speech = np.stack([sound[0], np.zeros_like(sound[0])])
    pipeline = build(FakeSource(speech), [], transcriber=FakeTranscriber(gate=gate), capacity=1)
    assert (pipeline.position_s, pipeline.dropped_ms) == (0, 0)
    thread = Thread(target=finish, args=(pipeline,))
    thread.start()
    wait_until(lambda: pipeline.channels[0].speaking)
    speaking = [channel.speaking for channel in pipeline.channels]
    gate.set()
    thread.join()
    assert speaking == [True, False]
    assert pipeline.position_s == 18
    assert not any(channel.speaking for channel in pipeline.channels)


def test_sound_that_was_lost_is_counted_once(sound):
    class Lossy(FakeSource):
        def blocks(self):
            for block in super().blocks():
                if block.start != 32_000:
                    yield block

    rows = []
    pipeline = build(Lossy(sound), [rows.append], capacity=200)
    assert finish(pipeline) is None
    assert pipeline.dropped_ms == 100
    assert {row.dropped_ms for row in rows if row.start_s < 2 and row.end_s > 2.1} == {100}
    assert {row.dropped_ms for row in rows if row.start_s > 2.1} == {0}
