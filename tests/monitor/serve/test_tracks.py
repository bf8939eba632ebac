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
    frames = [frame(number) for number in range(200) if number not in (50, 51, 52, 120)]

    whole, dropped = placed(Tracks(RATE, 1), frames)

    expected = WHOLE[: 200 * FRAME].copy()
    for number in (50, 51, 52, 120):
        expected[number * FRAME : (number + 1) * FRAME] = 0
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


@pytest.mark.parametrize(("channels", "delay_s"), [(1, 0.15), (2, 0.15)])
def test_sound_is_passed_on_soon(channels, delay_s):
    """Also where the second track never comes."""
    tracks = Tracks(RATE, channels)
    end = 0
    for number in range(200):
        tracks.place(*frame(number))
        end = ([end] + [block.end for block in tracks.blocks()])[-1]
        if number >= 50:
            assert (number + 1) * FRAME - end <= delay_s * RATE


def test_a_pause_without_time_stamps_is_silence():
    tracks = Tracks(RATE, 1)
    before, after = sent(WHOLE[None, :RATE]), sent(WHOLE[None, :RATE], start=RATE)

    whole, dropped = placed(tracks, [before, after])
    assert dropped == 0
    assert whole.shape[1] == 2 * RATE

    tracks = Tracks(RATE, 1)
    tracks.place(*before)
    tracks.place(*after, earliest_s=10.0)
    blocks = tracks.flush()
    assert blocks[-1].end == 11 * RATE
    assert sum(block.end - block.start for block in blocks) == 2 * RATE


def test_other_rates_are_resampled_as_one():
    """Frames of 8 kHz give the same samples as the whole at once."""
    from stser_core.audio import resampled

    frames = [sent(WHOLE[None, at : at + 160], 0, at // 8) for at in range(0, 24_000, 160)]

    whole, dropped = placed(Tracks(8_000, 1), frames)

    assert dropped == 0
    assert np.array_equal(whole[0], resampled(WHOLE[:24_000], 8_000))
