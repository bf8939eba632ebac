"""The microphone on a device whose every sample, loss and failure is known.

What PortAudio itself does is tested in tests/monitor/live, on a virtual microphone.
"""

import time

import numpy as np
import pytest

from monitor.sources import microphone
from monitor.sources.microphone import Microphone
from stser_core.errors import DeviceError


class FakeInput:
    """A device that delivers when it is told to, each piece up to `jitter_s` late; its time is its own."""

    name, channels = "Headset", 1

    def __init__(self):
        self.rate, self.drift, self.jitter_s = 16_000, 0.0, 0.0
        self.late_s, self.random = 0.0, np.random.default_rng(3)
        self.time = 100.0
        self.there = self.closes = True
        self.when_opened = self.deliver
        self.openings = self.counted = 0

    def clock(self):
        return self.time + self.late_s

    def open(self, heard, ended):
        self.heard, self.ended = heard, ended
        self.openings += 1
        self.when_opened()

    def find_again(self):
        if not self.there:
            raise DeviceError("There is no such input.")

    def close(self):
        return self.closes

    def deliver(self, samples=None, overflowed=False):
        """Let a piece of sound go by, each sample telling its number in the device's count."""
        if samples is None:
            count = round(0.03 * self.rate)
            samples = (np.arange(self.counted, self.counted + count) / 1e7).astype(np.float32)
        self.counted += len(samples)
        self.time += len(samples) / self.rate * (1 + self.drift)
        self.late_s = self.random.uniform(0, self.jitter_s)
        buffer = np.repeat(samples[:, None], self.channels, axis=1)
        self.heard(buffer, overflowed)
        buffer[:] = 9.0  # the device uses it again

    def lose(self, seconds):
        self.counted += round(seconds * self.rate)
        self.time += seconds * (1 + self.drift)


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(microphone, "_RETRY_S", 0.01)
    monkeypatch.setattr(microphone, "_FIRST_PIECE_S", 0.2)
    return FakeInput()


def begin(device, **options):
    """A microphone that has heard one piece."""
    source = Microphone(device, clock=device.clock, **options)
    blocks = source.blocks()
    return source, blocks, next(blocks)


def numbers(block):
    return np.round(block.samples[0] * 1e7).astype(int)


def test_keeps_what_the_device_overwrites_and_counts_samples(device):
    device.channels = 2
    _, blocks, first = begin(device)
    device.deliver()
    second = next(blocks)
    assert (first.start, second.start) == (0, 480)
    assert second.samples.shape == (2, 480)
    np.testing.assert_array_equal(numbers(second), np.arange(480, 960))


def test_of_what_does_not_fit_the_oldest_is_left_as_a_gap(device, monkeypatch):
    monkeypatch.setattr(microphone, "_CAPACITY", 64)
    _, blocks, _ = begin(device)
    for _ in range(100):
        device.deliver()
    kept = [next(blocks) for _ in range(64)]
    assert (kept[0].start, kept[-1].end) == (37 * 480, 101 * 480)
    np.testing.assert_array_equal(numbers(kept[0]), np.arange(kept[0].start, kept[0].end))


@pytest.mark.parametrize(("drift", "jitter_s"), [(0.0, 0.0), (200e-6, 0.02), (-200e-6, 0.02)])
def test_losses_do_not_add_up_at_another_rate_with_a_clock_that_drifts(device, drift, jitter_s):
    device.rate, device.drift, device.jitter_s = 44_100, drift, jitter_s
    _, blocks, first = begin(device)
    came = [first]
    for number in range(3000):
        if number % 10 == 9:
            device.lose(0.1)
        device.deliver(overflowed=number % 10 == 9)
        came.append(next(blocks))
    # Where a sample is on the stream's clock, and which the device counted it as, is the same thing all along. After
    # 120 s at 200 parts in a million, the two clocks are 24 ms apart themselves.
    for block in came:
        middle = (block.end - block.start) // 2
        tolerance_s = 0.002 + 1.5 * jitter_s + abs(drift) * block.start / 16_000
        assert numbers(block)[middle] / 44_100 == pytest.approx((block.start + middle) / 16_000, abs=tolerance_s)


def test_stopping_gives_what_was_heard_and_nothing_that_comes_later(device):
    source, blocks, _ = begin(device)
    device.deliver()
    device.deliver()
    source.stop()
    source.stop()
    device.deliver()
    assert [block.end for block in blocks] == [960, 1440]


@pytest.mark.parametrize(("gone", "said"), [(True, "went away"), (False, "delivers nothing")])
def test_a_device_that_never_delivers_is_an_error(device, gone, said):
    device.when_opened = lambda: gone and device.ended()
    with pytest.raises(DeviceError, match=f"'Headset' {said}"):
        begin(device)


def test_a_program_that_was_stopped_itself_does_not_blame_the_device(device):
    """Ctrl-Z stops the program and the time of its device alike; then the device has two seconds again."""
    complaints = []
    _, blocks, _ = begin(device, complain=complaints.append)
    device.time += 60
    resumed_s = time.monotonic()
    next(blocks)
    assert "delivers nothing, for 2 seconds now" in complaints[0]
    assert 1.9 < time.monotonic() - resumed_s < 10


def test_numbers_that_are_none_become_silence_and_loud_ones_full_scale(device):
    _, blocks, _ = begin(device)
    device.deliver(np.array([0.5, np.nan, np.inf, -3.0] * 120, dtype=np.float32))
    np.testing.assert_array_equal(next(blocks).samples[0, :4], np.float32([0.5, 0, 0, -1]))


def test_zeros_are_told_of_once_a_silence_and_seldom(device):
    said = []
    _, blocks, _ = begin(device, notices=said.append)

    def hear(value, seconds):
        for _ in range(round(seconds / 0.03)):
            device.deliver(np.full(480, value, dtype=np.float32))
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


def test_a_lost_device_is_waited_for_in_the_same_timeline(device):
    said = []
    source, blocks, first = begin(device, complain=said.append)
    device.deliver()
    device.there = False
    device.ended()
    first = next(blocks)
    assert first.end == 960
    device.time += 3.0
    beat = next(blocks)
    assert source.waiting
    assert not beat.samples.any()
    assert beat.end == pytest.approx(960 + 48_000, abs=1)
    assert beat.start > first.end

    device.there = True
    device.time += 2.0
    later = next(blocks)
    assert not source.waiting
    assert later.end == pytest.approx(960 + 5.03 * 16_000, abs=2)
    assert numbers(later)[0] == 960
    assert said == ["The input 'Headset' went away. Waiting for it; Ctrl-C ends.", "The input 'Headset' is back."]


def test_a_device_that_cannot_be_closed_is_not_opened_again(device):
    source, blocks, _ = begin(device)
    device.closes = False
    device.ended()
    for _ in range(2):
        device.time += 3
        next(blocks)
    assert device.openings == 1
    source.stop()
    assert list(blocks) == []
