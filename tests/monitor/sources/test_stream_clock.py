"""A device's clock whose losses are known."""

import numpy as np
import pytest

from monitor.sources.stream_clock import SampleClock

RATE = 16_000
PIECE = 480


class Device:
    """Delivers a piece each 30 ms of its own clock, each up to `jitter_s` late."""

    def __init__(self, *, jitter_s=0.0, drift=0.0, started_s=50.0):
        self.clock = SampleClock(RATE)
        self.sampled = 0
        self._random = np.random.default_rng(3)
        self._jitter_s, self._drift, self._started_s = jitter_s, drift, started_s

    def deliver(self, **how):
        self.sampled += PIECE
        late_s = self._random.uniform(0, self._jitter_s)
        return self.clock.count(PIECE, self._started_s + self.sampled / RATE * (1 + self._drift) + late_s, **how)

    def lose(self, samples):
        self.sampled += samples


@pytest.mark.parametrize("drift", [0.0, 200e-6, -200e-6])
def test_a_thousand_overflows_do_not_add_up(drift):
    device = Device(jitter_s=0.02, drift=drift)
    for number in range(10_000):
        overflowed = number % 10 == 9
        if overflowed:
            device.lose(1600)
        device.deliver(overflowed=overflowed)
    # After 400 s at 200 parts in a million, the two clocks are 80 ms apart themselves.
    tolerance_s = 0.03 + abs(drift) * device.sampled / RATE
    assert device.clock.position / RATE == pytest.approx(device.sampled / RATE, abs=tolerance_s)
