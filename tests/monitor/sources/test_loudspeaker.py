import numpy as np
import pytest

from monitor.flow import AudioBlock
from monitor.sources.loudspeaker import Audible
from stser_core.errors import DeviceError


class Source:
    name, channels, live, duration_s = "call.wav", 1, False, 0.3

    def __init__(self):
        self.stopped = False

    def blocks(self):
        for number in range(3):
            if self.stopped:
                return
            yield AudioBlock(number * 1600, np.full((1, 1600), number, dtype=np.float32))

    def stop(self):
        self.stopped = True


class Output:
    def __init__(self, blocks=99):
        self.played, self.closed, self.left = [], False, blocks

    def play(self, block):
        if len(self.played) == self.left:
            raise DeviceError("The output has gone.")
        self.played.append(block)

    def close(self):
        self.closed = True


def test_all_blocks_are_heard_and_passed_on_in_order():
    output = Output()
    blocks = list(Audible(Source(), output, pytest.fail).blocks())
    assert [block.start for block in blocks] == [0, 1600, 3200]
    assert output.played == blocks
    assert output.closed


def test_an_output_that_goes_away_does_not_end_the_replay():
    output, said = Output(blocks=1), []
    assert len(list(Audible(Source(), output, said.append).blocks())) == 3
    assert said == ["The output has gone."]
    assert output.closed


def test_stopping_ends_the_source_and_closes_the_output():
    output = Output()
    audible = Audible(Source(), output, pytest.fail)
    blocks = audible.blocks()
    next(blocks)
    audible.stop()
    assert list(blocks) == []
    assert output.closed
