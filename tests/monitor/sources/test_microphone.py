"""The microphone on a capture system whose every sample, loss and failure is known.

What PortAudio itself does is tested in tests/monitor/live, on a virtual microphone.
"""

import time

import numpy as np
import pytest

from monitor.sources import microphone
from monitor.sources.microphone import Microphone
from monitor.sources.port_audio import CaptureFormat, Device
from stser_core.errors import DeviceError


class FakeSystem:
    """A device that delivers when it is told to, each piece up to `jitter_s` late; its time is its own."""

    def __init__(self, rate=16_000):
        self.rate, self.drift, self.jitter_s = rate, 0.0, 0.0
        self.late_s, self.random = 0.0, np.random.default_rng(3)
        self.time = 100.0
        self.there = self.closes = True
        self.when_opened = self.deliver
        self.openings = self.counted = 0

    def clock(self):
        return self.time + self.late_s

    def choose(self, device, channels):
        if not self.there:
            raise DeviceError("There is no such input.")
        device = Device(3, "Headset", 2, self.rate, False, "ALSA")
        return CaptureFormat(device, channels, self.rate, system_default=False)

    def open(self, chosen, heard, ended):
        self.heard, self.ended, self.channels = heard, ended, chosen.channels
        self.openings += 1
        self.when_opened()
        return self

    def find_again(self, chosen):
        return self.choose("headset", chosen.channels)

    def close(self):
        return self.closes

    def deliver(self, samples=None, seconds=0.03, overflowed=False):
        """Let a piece of sound go by, each sample telling its number in the device's count."""
        if samples is None:
            count = round(seconds * self.rate)
            samples = (np.arange(self.counted, self.counted + count) / 1e7).astype(np.float32)
        self.counted += len(samples)
        self.time += len(samples) / self.rate * (1 + self.drift)
        self.late_s = self.random.uniform(0, self.jitter_s)
        buffer = np.repeat(samples[:, None], self.channels, axis=1)
        self.heard(buffer, overflowed)
        buffer[:] = 9.0  # the system uses it again

    def lose(self, seconds):
        self.counted += round(seconds * self.rate)
        self.time += seconds * (1 + self.drift)


@pytest.fixture
def system(monkeypatch):
    monkeypatch.setattr(microphone, "_RETRY_S", 0.01)
    monkeypatch.setattr(microphone, "_FIRST_PIECE_S", 0.2)
    return FakeSystem()


def begin(system, **options):
    """A microphone that has heard one piece."""
    source = Microphone("headset", system=system, clock=system.clock, **options)
    blocks = source.blocks()
    return source, blocks, next(blocks)


def numbers(block):
    return np.round(block.samples[0] * 1e7).astype(int)


def test_keeps_what_the_system_overwrites_and_counts_samples(system):
    _, blocks, first = begin(system, channels=2)
    system.deliver()
    second = next(blocks)
    assert (first.start, second.start) == (0, 480)
    assert second.samples.shape == (2, 480)
    np.testing.assert_array_equal(numbers(second), np.arange(480, 960))


def test_of_what_does_not_fit_the_oldest_is_left_as_a_gap(system, monkeypatch):
    monkeypatch.setattr(microphone, "_CAPACITY", 64)
    _, blocks, _ = begin(system)
    for _ in range(100):
        system.deliver()
    kept = [next(blocks) for _ in range(64)]
    assert (kept[0].start, kept[-1].end) == (37 * 480, 101 * 480)
    np.testing.assert_array_equal(numbers(kept[0]), np.arange(kept[0].start, kept[0].end))


@pytest.mark.parametrize(("drift", "jitter_s"), [(0.0, 0.0), (200e-6, 0.02), (-200e-6, 0.02)])
def test_losses_do_not_add_up_at_another_rate_with_a_clock_that_drifts(system, drift, jitter_s):
    system.rate, system.drift, system.jitter_s = 44_100, drift, jitter_s
    _, blocks, first = begin(system)
    came = [first]
    for number in range(3000):
        if number % 10 == 9:
            system.lose(0.1)
        system.deliver(overflowed=number % 10 == 9)
        came.append(next(blocks))
    # Where a sample is on the stream's clock, and which the device counted it as, is the same thing all along. After
    # 120 s at 200 parts in a million, the two clocks are 24 ms apart themselves.
    for block in came:
        middle = (block.end - block.start) // 2
        tolerance_s = 0.002 + 1.5 * jitter_s + abs(drift) * block.start / 16_000
        assert numbers(block)[middle] / 44_100 == pytest.approx((block.start + middle) / 16_000, abs=tolerance_s)


def test_stopping_gives_what_was_heard_and_nothing_that_comes_later(system):
    source, blocks, _ = begin(system)
    system.deliver()
    system.deliver()
    source.stop()
    source.stop()
    system.deliver()
    assert [block.end for block in blocks] == [960, 1440]


@pytest.mark.parametrize(("gone", "said"), [(True, "went away"), (False, "delivers nothing")])
def test_a_device_that_never_delivers_is_an_error(system, gone, said):
    system.when_opened = lambda: gone and system.ended()
    with pytest.raises(DeviceError, match=f"'Headset' {said}"):
        begin(system)


def test_a_program_that_was_stopped_itself_does_not_blame_the_device(system):
    """Ctrl-Z stops the program and the time of its device alike; then the device has two seconds again."""
    complaints = []
    _, blocks, _ = begin(system, complain=complaints.append)
    system.time += 60
    resumed_s = time.monotonic()
    next(blocks)
    assert "delivers nothing, for 2 seconds now" in complaints[0]
    assert 1.9 < time.monotonic() - resumed_s < 10


def test_numbers_that_are_none_become_silence_and_loud_ones_full_scale(system):
    _, blocks, _ = begin(system)
    system.deliver(np.array([0.5, np.nan, np.inf, -3.0] * 120, dtype=np.float32))
    np.testing.assert_array_equal(next(blocks).samples[0, :4], np.float32([0.5, 0, 0, -1]))


def test_zeros_are_told_of_once_a_silence_and_seldom(system):
    said = []
    _, blocks, _ = begin(system, notices=said.append)

    def hear(value, seconds):
        for _ in range(round(seconds / 0.03)):
            system.deliver(np.full(480, value, dtype=np.float32))
            next(blocks)

    hear(0.0, 4.8)
    assert said == []
    hear(0.0, 10)
    assert len(said) == 1
    hear(0.1, 1)
    hear(0.0, 10)
    assert len(said) == 1
    hear(0.1, 60)
    hear(0.0, 6)
    assert len(said) == 2


def test_a_lost_device_is_waited_for_in_the_same_timeline(system):
    said = []
    source, blocks, first = begin(system, complain=said.append)
    system.deliver()
    system.there = False
    system.ended()
    first = next(blocks)
    assert first.end == 960
    system.time += 3.0
    beat = next(blocks)
    assert source.waiting
    assert not beat.samples.any()
    assert beat.end == pytest.approx(960 + 48_000, abs=1)
    assert beat.start > first.end

    system.there = True
    system.time += 2.0
    later = next(blocks)
    assert not source.waiting
    assert later.end == pytest.approx(960 + 5.03 * 16_000, abs=2)
    assert numbers(later)[0] == 960
    assert said == ["The input 'Headset' went away. Waiting for it; Ctrl-C ends.", "The input 'Headset' is back."]


def test_a_device_that_cannot_be_closed_is_not_opened_again(system):
    source, blocks, _ = begin(system)
    system.closes = False
    system.ended()
    for _ in range(2):
        system.time += 3
        next(blocks)
    assert system.openings == 1
    source.stop()
    assert list(blocks) == []
