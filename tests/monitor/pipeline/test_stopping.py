"""A pipeline that is stopped, or aborted: at any moment, also while a part of it fails."""

import time
from threading import Event, Thread

import pytest
from staged import SETTINGS, FakeSource, FakeTranscriber, broken, build, finish

from stser_core.errors import StserError


def after(seconds, call):
    thread = Thread(target=lambda: time.sleep(seconds) or call(), daemon=True)
    thread.start()
    return thread


MOMENTS = [0.0, 0.01, 0.1]


class TestStopping:
    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("seconds", MOMENTS)
    def test_writes_what_was_heard(self, sound, rows, seconds, capacity):
        written = []
        pipeline = build(FakeSource(sound, pause_s=0.0005), [written.append], capacity=capacity)
        stopping = after(seconds, pipeline.stop)
        assert finish(pipeline) is None
        stopping.join()
        # A turn's end is known after the silence that ends it; where it was cut, once it was as long as a turn may be.
        # A cut turn and the longest that it could have become may be this far apart:
        known_after_s = max(SETTINGS.pause_s, SETTINGS.cut_search_s)
        heard = [row for row in rows if row.end_s < pipeline.position_s - known_after_s]
        assert written[: len(heard)] == heard
        assert all(row.end_s <= pipeline.position_s for row in written)

    def test_before_the_start_hears_nothing(self, sound):
        written = []
        pipeline = build(FakeSource(sound), [written.append])
        pipeline.stop()
        assert finish(pipeline) is None
        assert written == []

    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("seconds", MOMENTS)
    def test_at_once_returns_at_once(self, sound, seconds, capacity):
        gate = Event()  # never opened: the transcriber hangs
        transcriber = FakeTranscriber(gate=gate)
        source = FakeSource(sound, endless=True, pause_s=0.0005)
        pipeline = build(source, [], transcriber=transcriber, capacity=capacity)
        aborting = after(seconds, pipeline.abort)
        began = time.monotonic()
        assert finish(pipeline) is None
        assert time.monotonic() - began < 3
        aborting.join()
        gate.set()

    @pytest.mark.parametrize("stage", ["source", "listen", "feed", "finish", "scorer", "output"])
    @pytest.mark.parametrize("way", ["stop", "abort"])
    def test_during_a_failure_does_not_hang(self, sound, stage, way):
        for at in range(4):
            pipeline = broken(stage, at, sound, pause_s=0.0002, capacity=1)
            ending = after(0.004 * (at + 1), getattr(pipeline, way))
            assert isinstance(finish(pipeline), StserError | None)
            ending.join()
