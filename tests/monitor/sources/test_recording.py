"""A recording as a source: written with known samples, read back as blocks."""

import struct
import wave
from threading import Thread

import numpy as np
import pytest

from monitor.flow import AudioBlock
from monitor.sources.recording import Mixed, Recording, channels_identical
from stser_core.errors import AudioError


def write_wav(path, channels, rate=16_000):
    """Write int16 channels [channels, n]."""
    samples = np.asarray(channels, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.T.tobytes())
    return path


def write_float_wav(path, samples):
    """Write a mono float32 WAV (RIFF, format tag 3), as it is."""
    data = np.asarray(samples, dtype="<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.fixture
def stereo(tmp_path):
    """Two and a half blocks of stereo whose samples count up on the left and down on the right."""
    return write_wav(tmp_path / "call.wav", [np.arange(4000), -np.arange(4000)])


class FakeClock:
    """Time passes only while somebody waits."""

    def __init__(self):
        self.time = 100.0
        self.waits = []

    def now(self):
        return self.time

    def wait(self, seconds, stopped):
        self.waits.append(seconds)
        self.time += max(0.0, seconds)


def test_says_what_it_is(stereo):
    recording = Recording(stereo)
    assert (recording.name, recording.channels, recording.live) == ("call.wav", 2, False)
    assert recording.duration_s == pytest.approx(0.25)


def test_gives_every_sample_in_blocks_that_follow_each_other(stereo):
    blocks = list(Recording(stereo).blocks())
    assert [(block.start, block.end) for block in blocks] == [(0, 1600), (1600, 3200), (3200, 4000)]
    joined = np.concatenate([block.samples for block in blocks], axis=1)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined[0], np.arange(4000) / 32768, atol=1e-6)
    np.testing.assert_allclose(joined[1], -np.arange(4000) / 32768, atol=1e-6)


def test_mixed_is_the_mean_of_its_channels(tmp_path):
    path = write_wav(tmp_path / "call.wav", [np.full(2000, 8192), np.full(2000, 0)])
    recording = Recording(path, mix=True)
    assert recording.channels == 1
    for block in recording.blocks():
        np.testing.assert_allclose(block.samples, 0.125, atol=1e-6)


def test_of_any_rate_comes_at_16_khz(tmp_path):
    path = write_wav(tmp_path / "call.wav", np.zeros((1, 8000)), rate=8000)
    assert [*Recording(path).blocks()][-1].end == pytest.approx(16_000, abs=32)


def test_what_is_no_number_comes_as_silence(tmp_path):
    path = write_float_wav(tmp_path / "odd.wav", [0.5, np.nan, np.inf, -np.inf, 0.25])
    (block,) = Recording(path).blocks()
    np.testing.assert_array_equal(block.samples, np.array([[0.5, 0, 0, 0, 0.25]], np.float32))


def test_in_real_time_each_block_comes_when_it_would_have_been_heard(stereo):
    clock = FakeClock()
    came = [clock.now() for _ in Recording(stereo, realtime=True, clock=clock).blocks()]
    assert came == pytest.approx([100.1, 100.2, 100.25])


def test_real_time_catches_up_after_a_hold_up(stereo):
    clock = FakeClock()
    came = []
    for _ in Recording(stereo, realtime=True, clock=clock).blocks():
        came.append(clock.now())
        if len(came) == 1:
            clock.time += 0.12
    assert came == pytest.approx([100.1, 100.22, 100.25])


def test_at_full_speed_nobody_waits(stereo):
    clock = FakeClock()
    assert len(list(Recording(stereo, clock=clock).blocks())) == 3
    assert clock.waits == []


def test_stopping_ends_it_after_the_block_at_hand(stereo):
    recording = Recording(stereo)
    blocks = recording.blocks()
    next(blocks)
    recording.stop()
    recording.stop()
    assert list(blocks) == []


def test_stopping_wakes_a_replay_in_real_time(tmp_path):
    recording = Recording(write_wav(tmp_path / "long.wav", np.zeros((1, 160_000))), realtime=True)
    reading = Thread(target=lambda: list(recording.blocks()), daemon=True)
    reading.start()
    recording.stop()
    reading.join(2)
    assert not reading.is_alive()


@pytest.mark.parametrize("content", [None, b"", b"This is a text and no sound.", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_recording_is_refused(tmp_path, content):
    path = tmp_path / "call.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"call\.wav"):
        Recording(path)


def test_of_a_truncated_file_all_that_is_there_is_heard(stereo):
    stereo.write_bytes(stereo.read_bytes()[: 44 + 4 * 2000])
    assert [*Recording(stereo).blocks()][-1].end == 2000


class TestIdenticalChannels:
    NOISE = np.random.default_rng(1).integers(-3000, 3000, 48_000)

    def test_are_found(self, tmp_path):
        assert channels_identical(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE]))

    def test_are_found_at_another_rate(self, tmp_path):
        assert channels_identical(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE], rate=8000))

    def test_must_be_identical_to_the_end(self, tmp_path):
        other = self.NOISE.copy()
        other[40_000] += 300
        assert not channels_identical(write_wav(tmp_path / "a.wav", [self.NOISE, other]))

    def test_must_all_be(self, tmp_path):
        assert not channels_identical(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE, self.NOISE // 2]))

    def test_that_are_silent_at_first_are_told_by_the_first_sound(self, tmp_path):
        speaker = np.concatenate([np.zeros(200_000), self.NOISE])
        assert not channels_identical(write_wav(tmp_path / "a.wav", [speaker, np.zeros(len(speaker))]))

    def test_need_two_channels(self, tmp_path):
        assert not channels_identical(write_wav(tmp_path / "a.wav", [self.NOISE]))


class Two:
    name, channels, live, duration_s = "pair", 2, True, None
    stopped = False

    def blocks(self):
        yield AudioBlock(0, np.array([[0.2, 0.4], [0.4, 0.0]], dtype=np.float32))
        yield AudioBlock(10, np.zeros((2, 2), dtype=np.float32), dropped=8)

    def stop(self):
        self.stopped = True


def test_a_mixed_source_keeps_the_clock():
    source = Two()
    mixed = Mixed(source)
    first, second = mixed.blocks()
    assert (mixed.name, mixed.channels, mixed.live) == ("pair", 1, True)
    np.testing.assert_allclose(first.samples, [[0.3, 0.2]], rtol=1e-6)
    assert (second.start, second.dropped, second.samples.shape) == (10, 8, (1, 2))
    mixed.stop()
    assert source.stopped
