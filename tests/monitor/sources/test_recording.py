"""A recording as a source: written with known samples, how long it says it is, and read back as blocks."""

import os
import struct
import wave
from threading import Thread

import numpy as np
import pytest

from monitor.sources.recording import Recording, channels_same, ends_early, length_s, spooled
from stser_core import audio
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


@pytest.mark.skipif(os.name == "nt", reason="pipes with names")
def test_a_pipe_is_not_a_recording_and_is_said_to_be_read_to_its_end(monkeypatch, tmp_path):
    monkeypatch.setattr("monitor.sources.recording._PATIENCE_S", 0.0)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(AudioError, match="fifo"):  # nobody writes into it: opening it would wait for ever
        Recording(tmp_path / "fifo")
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


@pytest.mark.parametrize(("name", "size"), [("call.ul", 16_000), ("call.vox", 8_000)])
def test_telephone_sound_without_a_header_has_a_length(name, size, tmp_path):
    (tmp_path / name).write_bytes(bytes(size))
    assert Recording(tmp_path / name).announced_s == 2.0


def test_the_length_of_an_mp3_is_known_where_the_first_frame_counts_them(record, tmp_path):
    """At a variable bit rate, an estimate from the first frames is far too short."""
    sound = np.concatenate([np.random.default_rng(1).uniform(-0.5, 0.5, 32_000), np.zeros(28 * 16_000)])
    without, counted = (
        record(tmp_path / f"{xing}.mp3", sound, 16_000, "mp3", quality=500, write_xing=xing, id3v2_version="0")
        for xing in "01"
    )
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(b"ID3\x03\0\0\0\0\x10\x00" + bytes(2048) + counted.read_bytes())
    assert Recording(without).announced_s is None
    for path in (counted, tagged):
        assert Recording(path).announced_s == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize(("codec", "channels"), [("pcm_s24le", 1), ("pcm_s16le", 8), ("pcm_mulaw", 2)])
def test_a_truncated_wav_is_as_long_as_it_was_to_be(codec, channels, record, tmp_path):
    tone = np.tile(0.4 * np.sin(np.arange(12_000) / 9), (channels, 1))
    whole = record(tmp_path / "whole.wav", tone, 8_000, codec)  # of 8 channels, an extensible one
    part = tmp_path / "part.wav"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    for recording in map(Recording, (whole, part)):
        told = recording.channels, recording.announced_s, recording.exact, recording.notices
        assert told == (channels, 1.5, True, [])


@pytest.mark.parametrize(
    ("place", "value"),
    [(40, 0), (40, 0x7FFFF000), (40, 2**31), (40, 2**32 - 1), (28, 0), (40, 12_000)],
    ids=["switched-off", "sox", "arecord", "ffmpeg", "no-byte-rate", "less"],
)
def test_a_header_that_says_no_length_is_not_believed(place, value, tmp_path):
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    content = bytearray(path.read_bytes()[:24_044])
    content[place : place + 4] = struct.pack("<I", value)
    path.write_bytes(content)
    assert (Recording(path).duration_s or 0.0) <= 1.5
    if place == 40 and value != 12_000:
        assert audio.load(path).shape == (1, 24_000)


@pytest.mark.parametrize(
    ("announced_s", "heard_s", "taken_s"),
    [
        (100.0, 100.0, 100.0),
        (100.0, 98.5, 100.0),  # an estimate
        (100.0, 101.0, 101.0),
        (100.0, 97.0, 97.0),  # a lost end
        (3.0, 2.1, 3.0),
        (3.0, 1.9, 1.9),
        (None, 7.0, 7.0),
        (0.0, 7.0, 7.0),
    ],
)
def test_a_recording_is_as_long_as_it_says_never_shorter_than_what_was_decoded(announced_s, heard_s, taken_s):
    assert length_s(announced_s, heard_s) == taken_s
    assert ends_early(announced_s or 0.0, heard_s) == (taken_s < (announced_s or 0.0))


@pytest.mark.parametrize(("heard_s", "cut_off"), [(3599.95, False), (3599.8, True), (3540.0, True)])
def test_a_number_of_samples_is_a_promise(heard_s, cut_off):
    assert ends_early(3600.0, heard_s, exact=True) == cut_off
    assert not ends_early(3600.0, heard_s)
