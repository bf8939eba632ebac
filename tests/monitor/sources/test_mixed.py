import numpy as np

from monitor.flow import AudioBlock
from monitor.sources.mixed import Mixed


class Two:
    name, channels, live, duration_s = "pair", 2, True, None
    stopped = False

    def blocks(self):
        yield AudioBlock(0, np.array([[0.2, 0.4], [0.4, 0.0]], dtype=np.float32))
        yield AudioBlock(10, np.zeros((2, 2), dtype=np.float32), dropped=8)

    def stop(self):
        self.stopped = True


def test_the_channels_are_averaged_and_their_clock_kept():
    source = Two()
    mixed = Mixed(source)
    first, second = mixed.blocks()
    assert (mixed.name, mixed.channels, mixed.live) == ("pair", 1, True)
    np.testing.assert_allclose(first.samples, [[0.3, 0.2]], rtol=1e-6)
    assert (second.start, second.dropped, second.samples.shape) == (10, 8, (1, 2))
    mixed.stop()
    assert source.stopped
