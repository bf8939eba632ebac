"""Frames that come late, crossed, twice or not at all, on the stream's clock."""

import random

import numpy as np
import pytest

from monitor.serve.protocols import Sound
from monitor.serve.tracks import Tracks

RATE = 16_000
FRAME = 320
WHOLE = np.sin(np.arange(RATE * 6) * 0.05).astype(np.float32)


def sent(samples, channel=0, *stamps, start=0):
    """A frame, and its samples."""
    return Sound(channel, b"", samples.shape[1], *stamps, start=start), samples


def frame(number, *, channel=0, sound=WHOLE, at_ms=None, counted=True):
    samples = sound[None, number * FRAME : (number + 1) * FRAME]
    return sent(samples, channel, 20 * number if at_ms is None else at_ms, number + 1 if counted else None)


def placed(tracks, frames, channels=1, **bounds):
    """The whole sound on its clock, missing samples as silence, and how many of them were dropped."""
    blocks = []
    for one in frames:
        tracks.place(*one, **bounds)
        blocks += tracks.blocks()
    blocks += tracks.flush()
    whole, end, dropped = np.zeros((channels, blocks[-1].end), dtype=np.float32), 0, 0
    for block in blocks:
        assert block.start >= end
        dropped, end = dropped + block.start - end, block.end
        whole[:, block.start : end] = block.samples
    return whole, dropped


def crossed(seed):
    chance = random.Random(seed)
    order = sorted(range(1, 200), key=lambda number: number + chance.uniform(0, 5))  # up to 100 ms late
    return [frame(number) for number in (0, *order, *order[-3:])]


def trembling(milliseconds):
    chance = random.Random(0)
    return [
        frame(number, at_ms=1_000 + 20 * number + chance.randrange(-milliseconds, milliseconds + 1) * (number > 0))
        for number in range(200)
    ]


def jumping(milliseconds):
    return [frame(number, at_ms=4_000_000 + 20 * number + milliseconds * (number >= 100)) for number in range(200)]


@pytest.mark.parametrize(
    "frames",
    [*map(crossed, range(5)), trembling(30), jumping(3_600_000), jumping(-3_600_000)],
    ids=[*["crossed and repeated"] * 5, "time stamps that tremble", "a clock that is set", "a clock that is set back"],
)
def test_order_and_the_sender_s_clock_make_no_difference(frames):
    whole, dropped = placed(Tracks(RATE, 1), frames, latest_s=10.0)

    assert dropped == 0
    assert np.array_equal(whole[0], WHOLE[: 200 * FRAME])


def test_what_is_missing_is_a_gap():
    expected, missing = WHOLE[: 200 * FRAME].copy(), (50, 51, 52, 120)
    for number in missing:
        expected[number * FRAME : (number + 1) * FRAME] = 0

    whole, dropped = placed(Tracks(RATE, 1), [frame(number) for number in range(200) if number not in missing])

    assert dropped == 4 * FRAME
    assert np.array_equal(whole[0], expected)


def test_two_tracks_stay_together():
    other = -WHOLE
    frames = []
    for number in range(200):
        frames.append(frame(number))
        if number >= 7:  # the other track comes 140 ms later
            frames.append(frame(number - 7, channel=1, sound=other))

    whole, dropped = placed(Tracks(RATE, 2), frames, channels=2)

    assert dropped == 0
    assert np.array_equal(whole[0], WHOLE[: 200 * FRAME])
    assert np.array_equal(whole[1, : 193 * FRAME], other[: 193 * FRAME])


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_is_passed_on_soon(channels):
    """Also where the second track never comes."""
    tracks, end = Tracks(RATE, channels), 0
    for number in range(200):
        tracks.place(*frame(number))
        end = max([end, *(block.end for block in tracks.blocks())])
        assert number < 50 or (number + 1) * FRAME - end <= 0.15 * RATE


def test_a_pause_without_time_stamps_is_silence():
    before, after = sent(WHOLE[None, :RATE]), sent(WHOLE[None, :RATE], start=RATE)

    whole, dropped = placed(Tracks(RATE, 1), [before, after])
    assert (whole.shape[1], dropped) == (2 * RATE, 0)

    tracks = Tracks(RATE, 1)
    tracks.place(*before)
    whole, dropped = placed(tracks, [after], earliest_s=10.0)
    assert (whole.shape[1], dropped) == (11 * RATE, 9 * RATE)
