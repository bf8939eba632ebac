"""Every format that call recorders write comes back as it was recorded; what is broken is named."""

import io
import struct
from itertools import product

import numpy as np
import pytest

from stser_core import audio
from stser_core.errors import AudioError

LEVEL = 0.4
SILENCE_S, TONE_S = 0.5, 1.0


def tones(channels: int, rate: int) -> np.ndarray:
    """Half a second of silence and a second of sound; 300 Hz on the first channel, 500 Hz on the second, …"""
    t = np.arange(round(TONE_S * rate)) / rate
    sound = np.stack([LEVEL * np.sin(2 * np.pi * (300 + 200 * channel) * t) for channel in range(channels)])
    return np.concatenate([np.zeros((channels, round(SILENCE_S * rate))), sound], axis=1)


def strongest(sound: np.ndarray) -> float:
    """Frequency of the strongest partial of 16 kHz sound, to 2 Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.fft.rfftfreq(len(sound), 1 / audio.SAMPLE_RATE)[spectrum.argmax()])


FORMATS = [
    *(("pcm_u8", "wav", 8_000, 1), ("pcm_s16le", "wav", 8_000, 2), ("pcm_s16le", "wav", 44_100, 8)),
    *(("pcm_s24le", "wav", 48_000, 8), ("pcm_f32le", "wav", 16_000, 8), ("pcm_f64le", "wav", 8_000, 2)),
    *(("pcm_mulaw", "wav", 8_000, 8), ("pcm_alaw", "wav", 8_000, 2), ("flac", "flac", 44_100, 2)),
]
LOSSY = [
    *(("adpcm_ms", "wav", 8_000, 2), ("adpcm_ima_wav", "wav", 8_000, 1), ("g722", "wav", 16_000, 1)),
    *(("mp3", "mp3", 8_000, 1), ("mp3", "mp3", 44_100, 2), ("libopus", "ogg", 48_000, 8), ("aac", "m4a", 8_000, 1)),
    *(("aac", "aac", 44_100, 2), ("aac", "mp4", 48_000, 2), ("ac3", "mkv", 48_000, 2)),
]


@pytest.mark.parametrize(("codec", "suffix", "rate", "channels"), FORMATS + LOSSY)
def test_every_format_keeps_pitch_level_timing_and_channel_order(codec, suffix, rate, channels, record, tmp_path):
    lossy = (codec, suffix, rate, channels) in LOSSY
    exact_s, exact_db = (0.05, 1.0) if lossy else (0.002, 0.1)
    path = record(tmp_path / f"call.{suffix}", tones(channels, rate), rate, codec, video=suffix in ("mp4", "mkv"))

    sound = audio.load(path)

    assert sound.dtype == np.float32
    assert len(sound) == channels
    assert sound.shape[1] / audio.SAMPLE_RATE == pytest.approx(SILENCE_S + TONE_S, abs=exact_s)
    for channel, heard in enumerate(sound):
        starts_s = np.flatnonzero(np.abs(heard) > LEVEL / 4)[0] / audio.SAMPLE_RATE
        assert starts_s == pytest.approx(SILENCE_S, abs=exact_s)
        middle = heard[12_000:20_000]
        assert strongest(middle) == pytest.approx(300 + 200 * channel, abs=3)
        assert 20 * np.log10(np.sqrt(2 * np.square(middle).mean()) / LEVEL) == pytest.approx(0, abs=exact_db)


def test_gsm_of_old_call_recorders(data):
    sound = audio.load(data / "gsm_sine.wav")  # a second of 1 kHz at a tenth of full scale

    assert sound.shape == (1, pytest.approx(16_000, abs=800))
    assert strongest(sound[0, 4_000:12_000]) == pytest.approx(1_000, abs=10)
    assert np.sqrt(np.square(sound[0, 4_000:12_000]).mean()) == pytest.approx(0.1 / np.sqrt(2), rel=0.1)


def test_blocks_are_the_recording_cut_evenly(record, tmp_path):
    sound = np.random.default_rng(1).uniform(-1, 1, (2, 12_345)).astype(np.float32)
    path = record(tmp_path / "call.wav", sound, 16_000, "pcm_f32le")

    for samples in (50, 1_601, 40_000):
        blocks = list(audio.blocks(path, samples))
        assert {block.shape for block in blocks[:-1]} <= {(2, samples)} and 0 < blocks[-1].shape[1] <= samples
        assert np.array_equal(np.concatenate(blocks, axis=1), sound)


def test_not_a_number_and_overdriven_samples(record, tmp_path):
    sound = tones(1, 16_000)
    sound[0, 100:200] = [np.nan, np.inf, -np.inf, 3.0, -3.0] * 20
    path = record(tmp_path / "broken.wav", sound, 16_000, "pcm_f32le")

    heard = audio.load(path)[0]

    assert heard[100:105].tolist() == [0.0, 0.0, 0.0, 1.0, -1.0]
    assert heard[8_000:] == pytest.approx(sound[0, 8_000:], abs=1e-6)


def wav(code: int, samples: bytes) -> bytes:
    """A WAV of 8-bit samples with this codec's number."""
    form = b"fmt \x10\0\0\0" + struct.pack("<HHIIHH", code, 1, 8_000, 8_000, 1, 8)
    return b"RIFF\x28\0\0\0WAVE" + form + b"data" + struct.pack("<I", len(samples)) + samples


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.wav", None, "does not exist"),
        ("text.wav", b"This is not a recording.\n" * 50, "cannot be read as audio"),
        ("empty.wav", b"", "cannot be read as audio .it is empty"),
        ("pointer.wav", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "git lfs pull"),
        ("call.wav.gz", b"\x1f\x8b\x08" + bytes(40), "unpack it"),
        ("calls.zip", b"PK\x03\x04" + bytes(40), "unpack it"),
        ("page.mp3", b"\n<!DOCTYPE html><html>", "a web page"),
        ("call.csv", b"recording,channel,speaker\n", "export"),
        ("header.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "cannot be read as audio"),
        ("noise.mp3", bytes(range(256)) * 20, "cannot be read as audio"),
        ("codec.wav", wav(0xABCD, b"\x80" * 4), "of a kind that nothing here can decode"),
        ("folder.wav", "folder", "cannot be read as audio"),
    ],
)
def test_what_is_not_a_recording_is_named(name, content, complaint, tmp_path):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)

    with pytest.raises(AudioError, match=complaint) as raised:
        audio.load(path)

    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_sample_is_sound_and_none_is_not(record, tmp_path):
    one = record(tmp_path / "one.wav", np.full((1, 1), 0.5), 16_000, "pcm_f32le")
    (tmp_path / "zero.wav").write_bytes(wav(1, b""))

    assert audio.load(one).tolist() == [[0.5]]
    with pytest.raises(AudioError, match=r"zero\.wav holds no sound"):
        audio.load(tmp_path / "zero.wav")


@pytest.mark.parametrize(
    ("codec", "suffix"), [("pcm_s16le", "wav"), ("mp3", "mp3"), ("libopus", "ogg"), ("flac", "flac")]
)
def test_of_a_truncated_recording_the_first_part_is_heard(codec, suffix, record, tmp_path):
    sound = np.tile(tones(1, 16_000), 4)
    whole = record(tmp_path / f"whole.{suffix}", sound, 16_000, codec).read_bytes()

    heard = audio.load(io.BytesIO(whole[: len(whole) // 2]))[0]

    assert len(heard) / sound.shape[1] == pytest.approx(0.5, abs=0.2)
    assert strongest(heard[12_000:20_000]) == pytest.approx(300, abs=3)


def test_damage_in_the_middle_does_not_end_the_recording(record, tmp_path):
    sound = np.tile(tones(1, 16_000), 4)
    content = bytearray(record(tmp_path / "call.mp3", sound, 16_000, "mp3").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)

    heard = audio.load(io.BytesIO(content))[0]

    assert len(heard) / sound.shape[1] == pytest.approx(1.0, abs=0.1)
    assert strongest(heard[-8_000:]) == pytest.approx(300, abs=3)


def test_a_file_must_not_make_the_program_open_others(tmp_path, record):
    other = record(tmp_path / "other.wav", tones(1, 16_000), 16_000, "pcm_s16le")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.5,\n{other}\n#EXT-X-ENDLIST\n"

    for name, content in product(("wav", "m3u8", "ffconcat"), (playlist, f"ffconcat version 1.0\nfile '{other}'\n")):
        (tmp_path / f"call.{name}").write_text(content)
        with pytest.raises(AudioError):
            audio.load(tmp_path / f"call.{name}")


def test_where_a_stream_is_cut_makes_no_difference():
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 44_100)).astype(np.float32)
    noise[1] = 0

    def resampled(samples: np.ndarray, rate: int, cut: int) -> np.ndarray:
        resampler = audio.Resampler(rate, len(samples))
        pieces = [resampler.feed(samples[:, start : start + cut]) for start in range(0, samples.shape[1], cut)]
        return np.concatenate([*pieces, resampler.flush()], axis=1)

    assert not resampled(noise, 44_100, 441)[1].any(), "channels stay apart"
    for cut in (441, 1323, 50_000):
        np.testing.assert_array_equal(resampled(noise, 44_100, cut), resampled(noise, 44_100, 44_100))
    np.testing.assert_array_equal(resampled(noise, 16_000, 480), noise)
    assert audio.Resampler(48_000, 2).flush().shape == (2, 0)
