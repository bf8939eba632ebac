"""A recording as a source: written with known samples, read back as blocks."""

import os
from threading import Thread

import numpy as np
import pytest

from monitor.sources.recording import Recording, channels_same, spooled
from stser_core.errors import AudioError


def test_gives_every_sample_in_blocks_that_follow_each_other(tmp_path, write_wav):
    recording = Recording(write_wav(tmp_path / "call.wav", [np.arange(30_000), -np.arange(30_000)]))
    assert (recording.name, recording.channels, recording.duration_s) == ("call.wav", 2, pytest.approx(1.875))
    blocks = list(recording.blocks())
    assert [(block.start, block.end) for block in blocks] == [(0, 14_400), (14_400, 28_800), (28_800, 30_000)]
    joined = np.concatenate([block.samples for block in blocks], axis=1)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined[0], np.arange(30_000) / 32768, atol=1e-6)
    np.testing.assert_allclose(joined[1], -np.arange(30_000) / 32768, atol=1e-6)


def test_integers_stored_as_floats_are_sound(tmp_path, record):
    sound = 0.1 * np.sin(np.arange(16_000) / 9)
    sound[500] = 3e4  # a sample that is broken does not count
    plain, scaled = (
        np.concatenate([block.samples[0] for block in Recording(path).blocks()])
        for path in (
            record(tmp_path / "plain.wav", sound, 16_000, "pcm_f32le"),
            record(tmp_path / "scaled.wav", sound * 32_768, 16_000, "pcm_f32le"),
        )
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


NOISE = np.random.default_rng(1).integers(-3000, 3000, 48_000)
OTHER = np.random.default_rng(2).integers(-3000, 3000, 48_000)
SILENCE = np.zeros(48_000)


@pytest.mark.parametrize(
    ("channels", "rate"),
    [
        ([NOISE, NOISE], 8_000),
        *(
            ([NOISE, gain * NOISE + 10 ** (-below_db / 20) * abs(gain) * OTHER], 16_000)
            for gain, below_db in ((1.0, 45), (0.98, 30), (0.5, 18), (-1.0, 45))
        ),
    ],
    ids=["copies", "coded", "coded more", "quieter", "inverted"],
)
def test_channels_that_carry_one_signal_are_found(tmp_path, channels, rate, write_wav):
    assert channels_same(write_wav(tmp_path / "a.wav", np.asarray(channels, np.int16), rate))


@pytest.mark.parametrize(
    "channels",
    [
        [NOISE],
        [NOISE, OTHER],
        [NOISE, NOISE + 0.18 * OTHER],
        [NOISE, NOISE / 20],
        [NOISE, NOISE, OTHER],
        [3000 + 0.03 * NOISE, 3000 + 0.03 * OTHER],
        [np.concatenate([np.tile(SILENCE, 4), NOISE]), np.tile(SILENCE, 5)],
        [np.concatenate([*[NOISE] * 5, NOISE, SILENCE]), np.concatenate([*[NOISE] * 5, SILENCE, NOISE])],
    ],
    ids=["one", "two", "like", "faint leak", "two of three", "shared offset", "silent at first", "announcement first"],
)
def test_channels_that_differ_are_kept(tmp_path, channels, write_wav):
    assert not channels_same(write_wav(tmp_path / "a.wav", np.asarray(channels, np.int16)))


@pytest.mark.skipif(os.name == "nt", reason="pipes with names")
class TestPipes:
    @pytest.fixture
    def fifo(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        return tmp_path / "fifo"

    def test_are_not_recordings_of_their_own(self, fifo):
        """Nobody writes into it: opening it would wait for ever."""
        with pytest.raises(AudioError, match="fifo"):
            Recording(fifo)
