"""A recording says how long it is before it is decoded."""

import struct
import wave

import numpy as np
import pytest

from monitor.sources.recording import Recording
from stser_core import audio

RATE = 16_000


def tone(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    return np.tile(0.4 * np.sin(np.arange(round(seconds * rate)) / 9), (channels, 1)).astype(np.float32)


def test_a_header_says_channels_and_length(record, tmp_path):
    recording = Recording(record(tmp_path / "call.wav", tone(1.5, 2, 8_000), 8_000, "pcm_mulaw"))
    assert (recording.channels, recording.announced_s, recording.exact, recording.notices) == (2, 1.5, True, [])


@pytest.mark.parametrize("name", ["call.ul", "call.vox"])
def test_telephone_sound_without_a_header_has_a_length(name, tmp_path):
    (tmp_path / name).write_bytes(bytes(16_000 if name == "call.ul" else 8_000))
    assert Recording(tmp_path / name).announced_s == 2.0


def test_the_length_of_an_mp3_is_known_where_the_first_frame_counts_them(record, tmp_path):
    """At a variable bit rate, an estimate from the first frames is far too short."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, RATE * 2).astype(np.float32)
    sound = np.concatenate([noise, np.zeros(28 * RATE, np.float32)])
    without, counted = (
        record(tmp_path / f"{xing}.mp3", sound, RATE, "mp3", quality=500, write_xing=xing, id3v2_version="0")
        for xing in "01"
    )
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(b"ID3\x03\0\0\0\0\x10\x00" + bytes(2048) + counted.read_bytes())
    assert Recording(without).announced_s is None
    for path in (counted, tagged):
        assert Recording(path).announced_s == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize(("codec", "channels"), [("pcm_s24le", 2), ("pcm_s16le", 8), ("pcm_mulaw", 1)])
def test_a_truncated_wav_is_as_long_as_it_was_to_be(codec, channels, record, tmp_path):
    whole = record(tmp_path / "whole.wav", tone(1.5, channels, 8_000), 8_000, codec)  # of 8 channels, an extensible one
    part = tmp_path / "part.wav"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])

    assert Recording(part).announced_s == Recording(whole).announced_s == 1.5


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
