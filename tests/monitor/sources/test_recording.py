"""A recording as a source: written with known samples, read back as blocks."""

import os
import signal
import struct
import subprocess
import sys
import time
import wave
from threading import Thread

import numpy as np
import pytest

from monitor.flow import AudioBlock
from monitor.sources.recording import Mixed, Recording, channels_same, spooled
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
    """Stereo whose samples count up on the left and down on the right."""
    return write_wav(tmp_path / "call.wav", [np.arange(4000), -np.arange(4000)])


def test_says_what_it_is(stereo):
    recording = Recording(stereo)
    assert (recording.name, recording.channels, recording.live) == ("call.wav", 2, False)
    assert recording.duration_s == pytest.approx(0.25)


def test_gives_every_sample_in_blocks_that_follow_each_other(tmp_path):
    stereo = write_wav(tmp_path / "call.wav", [np.arange(12_000), -np.arange(12_000)])
    blocks = list(Recording(stereo).blocks())
    assert [(block.start, block.end) for block in blocks] == [(0, 4800), (4800, 9600), (9600, 12_000)]
    joined = np.concatenate([block.samples for block in blocks], axis=1)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined[0], np.arange(12_000) / 32768, atol=1e-6)
    np.testing.assert_allclose(joined[1], -np.arange(12_000) / 32768, atol=1e-6)


def test_mixed_is_the_mean_of_its_channels(tmp_path):
    path = write_wav(tmp_path / "call.wav", [np.full(2000, 8192), np.full(2000, 0)])
    recording = Recording(path, mix=True)
    assert recording.channels == 1
    for block in recording.blocks():
        np.testing.assert_allclose(block.samples, 0.125, atol=1e-6)


def test_of_any_rate_comes_at_16_khz(tmp_path):
    path = write_wav(tmp_path / "call.wav", np.zeros((1, 8000)), rate=8000)
    assert [*Recording(path).blocks()][-1].end == pytest.approx(16_000, abs=32)


def test_what_is_not_a_number_comes_as_silence(tmp_path):
    path = write_float_wav(tmp_path / "odd.wav", [0.5, np.nan, np.inf, -np.inf, 0.25])
    (block,) = Recording(path).blocks()
    np.testing.assert_array_equal(block.samples, np.array([[0.5, 0, 0, 0, 0.25]], np.float32))


def test_integers_stored_as_floats_are_sound(tmp_path):
    sound = 0.1 * np.sin(np.arange(16_000) / 9)
    sound[500] = 3e4  # a sample that is broken does not count
    ((plain,), (scaled,)) = (
        [np.concatenate([one.samples[0] for one in Recording(write_float_wav(tmp_path / name, samples)).blocks()])]
        for name, samples in (("plain.wav", sound), ("scaled.wav", sound * 32_768))
    )
    assert np.allclose(np.delete(scaled, 500), np.delete(plain, 500), atol=1e-4)


def test_a_pipe_that_goes_on_is_said_to_be_read_to_its_end(monkeypatch, tmp_path):
    monkeypatch.setattr("monitor.sources.recording._PATIENCE_S", 0.0)
    os.mkfifo(tmp_path / "fifo")
    writer = Thread(target=(tmp_path / "fifo").write_bytes, args=[b"sound"])
    writer.start()
    said = []
    spooled(tmp_path / "fifo", said.append).close()
    writer.join()
    assert len(said) == 1
    assert "--device -" in said[0]


def test_stopping_ends_it_after_the_block_at_hand(stereo):
    recording = Recording(stereo)
    blocks = recording.blocks()
    next(blocks)
    recording.stop()
    recording.stop()
    assert list(blocks) == []


@pytest.mark.parametrize("content", [None, b"", b"This is a text and no sound.", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_not_a_recording_is_refused(tmp_path, content):
    path = tmp_path / "call.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"call\.wav"):
        Recording(path)


def test_of_a_truncated_file_all_that_is_there_is_heard(stereo):
    stereo.write_bytes(stereo.read_bytes()[: 44 + 4 * 2000])
    assert [*Recording(stereo).blocks()][-1].end == 2000


class TestSameChannels:
    NOISE = np.random.default_rng(1).integers(-3000, 3000, 48_000)
    OTHER = np.random.default_rng(2).integers(-3000, 3000, 48_000)

    @pytest.mark.parametrize("rate", [8_000, 16_000])
    def test_are_found(self, tmp_path, rate):
        assert channels_same(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE], rate))

    @pytest.mark.parametrize(("gain", "below_db"), [(1.0, 45), (0.98, 30), (0.5, 40), (-1.0, 45)])
    def test_are_found_in_what_a_codec_made_of_them(self, tmp_path, gain, below_db):
        noisy = gain * self.NOISE + 10 ** (-below_db / 20) * abs(gain) * self.OTHER
        assert channels_same(write_wav(tmp_path / "a.wav", [self.NOISE, noisy]))

    def test_must_be_the_same_to_the_end(self, tmp_path):
        """An announcement that both parties hear comes before a call."""
        announced = np.tile(self.NOISE, 5)
        left = np.concatenate([announced, self.NOISE, 0 * self.NOISE])
        right = np.concatenate([announced, 0 * self.NOISE, self.NOISE])
        assert not channels_same(write_wav(tmp_path / "a.wav", [left, right]))

    @pytest.mark.parametrize("below_db", [0, 5, 15])
    def test_are_not_those_that_differ_by_more(self, tmp_path, below_db):
        other = self.NOISE + 10 ** (-below_db / 20) * self.OTHER
        assert not channels_same(write_wav(tmp_path / "a.wav", [self.NOISE, other]))

    def test_are_not_a_voice_and_its_faint_leak(self, tmp_path):
        assert not channels_same(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE / 20]))

    def test_must_all_be(self, tmp_path):
        assert not channels_same(write_wav(tmp_path / "a.wav", [self.NOISE, self.NOISE, self.OTHER]))

    def test_an_offset_that_both_have_is_not_what_they_share(self, tmp_path):
        channels = [3000 + 0.03 * self.NOISE, 3000 + 0.03 * self.OTHER]
        assert not channels_same(write_wav(tmp_path / "a.wav", channels))

    def test_that_are_silent_at_first_are_told_by_the_first_sound(self, tmp_path):
        speaker = np.concatenate([np.zeros(200_000), self.NOISE])
        assert not channels_same(write_wav(tmp_path / "a.wav", [speaker, np.zeros(len(speaker))]))

    def test_need_two_channels(self, tmp_path):
        assert not channels_same(write_wav(tmp_path / "a.wav", [self.NOISE]))


def test_mixed_channels_that_cancel_are_one_of_them(tmp_path):
    noise = np.random.default_rng(1).integers(-3000, 3000, 8_000)
    path = write_wav(tmp_path / "inverted.wav", [noise, -noise])
    blocks = [block.samples for block in Recording(path, mix=True).blocks()]
    np.testing.assert_allclose(np.concatenate(blocks, axis=1)[0] * 32768, noise, atol=0.01)


@pytest.mark.skipif(os.name == "nt", reason="pipes with names")
class TestPipes:
    @pytest.fixture
    def fifo(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        return tmp_path / "fifo"

    def test_are_copied_once_and_read_as_often_as_needed(self, fifo, stereo):
        Thread(target=lambda: fifo.write_bytes(stereo.read_bytes()), daemon=True).start()
        with spooled(fifo) as copy:
            recording = Recording(copy)
            assert recording.duration_s == pytest.approx(0.25)
            for _ in range(2):
                assert [block.end for block in recording.blocks()][-1] == 4000

    def test_a_file_is_read_where_it_is(self, stereo):
        assert spooled(stereo) == stereo

    def test_are_not_recordings_of_their_own(self, fifo):
        """Nobody writes into it: opening it would wait for ever."""
        with pytest.raises(AudioError, match="fifo"):
            Recording(fifo)

    @pytest.mark.slow
    @pytest.mark.parametrize("given", [signal.SIGINT, signal.SIGTERM])
    def test_that_nobody_writes_into_can_be_given_up(self, fifo, given):
        program = (
            "from pathlib import Path; from monitor.sources.recording import spooled; print(1, flush=True); "
            f"spooled(Path({str(fifo)!r}))"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            process.stdout.readline()
            time.sleep(0.2)
            process.send_signal(given)
            assert process.wait(10) == -given


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
