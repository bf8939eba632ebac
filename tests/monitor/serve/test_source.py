"""Many lines, whose sound one thread segments."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from monitor.serve.metrics import Metrics
from monitor.serve.protocols import Sound, Start
from monitor.serve.security import Limits
from monitor.serve.source import LineSource, SegmenterThread

SECOND = np.arange(16_000, dtype="<i2")


@pytest.fixture
def lines():
    """A function that opens a line; its `taken` gets the blocks, and its `over` ends with it."""
    thread, metrics = SegmenterThread(), Metrics(lambda sentence: None)
    with ThreadPoolExecutor(8) as pool:

        def opened(has_room=lambda: True, take=None, rate=16_000):
            source = LineSource("line", Start("call", rate), thread, Limits(), metrics)
            source.metrics, source.taken, source.sent = metrics, [], 0
            source.over = pool.submit(source.feed, take or (lambda block: source.taken.append(block) or True), has_room)
            return source

        yield opened


def put(source, seconds):
    for _ in range(seconds):
        source.put(Sound(0, SECOND.tobytes(), SECOND.size, start=source.sent))
        source.sent += SECOND.size


def heard(source):
    return np.concatenate([block.samples[0] for block in source.taken])


def test_a_line_that_has_no_room_or_fails_or_is_over_holds_no_other_up(lines):
    room = Event()

    def fail(block):
        raise RuntimeError("a fault")

    stuck, faulty, over, other = lines(has_room=room.is_set), lines(take=fail), lines(take=lambda block: False), lines()
    for source in (stuck, faulty, over, other):
        put(source, 2)
    with pytest.raises(RuntimeError):
        faulty.over.result(20)
    over.over.result(20)
    for source in (stuck, other):
        put(source, 1)
        source.stop()
    other.over.result(20)
    assert np.array_equal(heard(other), np.tile(SECOND / np.float32(32768), 3))
    assert stuck.taken == []

    room.set()
    stuck.over.result(20)
    assert np.array_equal(heard(stuck), heard(other))


def test_sound_that_waits_too_long_is_dropped(lines, monkeypatch):
    room = Event()
    source = lines(has_room=room.is_set)
    put(source, 2)
    for _ in range(2):
        monkeypatch.setattr(source, "_began_s", source._began_s - 8)
        assert source.filling
        put(source, 1)

    assert source.metrics.registry.get_sample_value("stser_dropped_seconds_total") == 2
    room.set()
    source.stop()
    source.over.result(20)
    assert heard(source).size == 2 * SECOND.size


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of the threads of libraries")
def test_no_thread_of_a_library_stays_when_a_line_has_ended(lines):
    """FFmpeg has threads of its own for every resampler."""

    def threads():
        return len(list(Path("/proc/self/task").iterdir()))

    gc.disable()
    try:
        lines(take=lambda block: False).stop()
        until, before = time.monotonic() + 20, threads()
        for _ in range(20):
            source = lines(rate=8_000)
            put(source, 1)
            source.stop()
            source.over.result(20)
        while threads() > before + 8 and time.monotonic() < until:  # some of the pool that waits
            time.sleep(0.05)
        assert threads() <= before + 8
    finally:
        gc.enable()
