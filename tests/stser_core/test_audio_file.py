"""Files whose time stamps, tracks, lengths, formats or names are not those of a plain recording."""

import io
import os
import threading
import time
import wave
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import av
import numpy as np
import pytest

from stser_core import audio
from stser_core.audio_file import as_array, identify
from stser_core.errors import AudioError, UsageError

RATE = 16_000
FRAME = 320


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pcm(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def sounding_s(sound: np.ndarray) -> tuple[float, float]:
    """Where the sound begins and ends, in seconds."""
    places = np.flatnonzero(np.abs(sound) > 0.1)
    return places[0] / RATE, places[-1] / RATE


class Track(NamedTuple):
    """Sounds, each from a time on."""

    parts: list[tuple[float, np.ndarray]]
    codec: str = "pcm_s16le"
    default: bool = False


def mux(path: Path, *tracks: Track, picture_s: float = 0.0) -> Path:
    """Write a file whose packets have the time stamps that are given."""
    with av.open(str(path), "w") as container:
        packets = []
        if picture_s:
            video = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
            pictures = [av.VideoFrame(32, 32, "yuv420p") for _ in range(round(5 * picture_s))]
            packets += [packet for one in (*pictures, None) for packet in video.encode(one)]
        for track in tracks:
            stream = container.add_stream(track.codec, rate=RATE, layout="mono")
            stream.disposition = av.stream.Disposition.default if track.default else av.stream.Disposition(0)
            for start_s, samples in track.parts:
                for at in range(0, len(samples), FRAME):
                    sent = (samples[None, at : at + FRAME] * 32767).astype(np.int16)
                    frame = av.AudioFrame.from_ndarray(sent, format="s16", layout="mono")
                    frame.sample_rate, frame.pts = RATE, round(start_s * RATE) + at
                    packets += stream.encode(frame)
            packets += stream.encode(None)
        container.start_encoding()
        for packet in sorted(packets, key=lambda one: float((one.dts or 0) * one.time_base)):
            container.mux(packet)
    return path


# Time stamps


def test_a_gap_is_silence(tmp_path):
    path = mux(tmp_path / "gap.mka", Track([(0.0, tone(0.5)), (10.5, tone(0.5))]))
    sound = audio.load_mono(path)
    assert len(sound) == pytest.approx(11 * RATE, abs=20)
    assert not sound[RATE : 10 * RATE].any()
    assert sounding_s(sound[RATE:])[0] == pytest.approx(9.5, abs=0.002)


@pytest.mark.parametrize(("kind", "codec"), [("mkv", "pcm_s16le"), ("mp4", "aac"), ("ts", "mp2")])
def test_sound_that_starts_after_the_picture_starts_late(tmp_path, kind, codec):
    path = mux(tmp_path / f"late.{kind}", Track([(5.0, tone(1.0))], codec), picture_s=7.0)
    assert sounding_s(audio.load_mono(path)) == pytest.approx((5.0, 6.0), abs=0.1)


def test_a_film_without_sound_is_refused(tmp_path):
    with pytest.raises(AudioError, match=r"silent\.mp4 has no audio track"):
        audio.load(mux(tmp_path / "silent.mp4", picture_s=0.4))


def test_jitter_of_time_stamps_changes_nothing(tmp_path):
    late_s = np.random.default_rng(1).uniform(0, 0.015, 1_000)
    parts = [(0.02 * number + late_s[number], one) for number, one in enumerate(tone(20.0).reshape(-1, FRAME))]
    path, plain = mux(tmp_path / "a.mka", Track(parts)), mux(tmp_path / "b.mka", Track([(0.0, tone(20.0))]))
    np.testing.assert_array_equal(audio.load(path), audio.load(plain))


def test_many_small_losses_add_up_to_no_error(tmp_path):
    path = mux(tmp_path / "lossy.mka", Track([(0.34 * number, tone(0.3)) for number in range(60)]))
    assert len(audio.load_mono(path)) / RATE == pytest.approx(0.34 * 59 + 0.3, abs=0.11)


def test_an_absurd_time_stamp_is_passed_over_and_told(tmp_path):
    path = mux(tmp_path / "absurd.mka", Track([(0.0, tone(0.5)), (90_000.0, tone(0.5))]))
    said: list[str] = []
    sound = np.concatenate(list(audio.blocks(path, notices=said.append)), axis=1)
    assert sound.shape[1] == RATE
    assert len(said) == 1 and "absurd.mka" in said[0]


def test_time_stamps_that_go_back_lose_no_sound(tmp_path):
    one = mux(tmp_path / "one.ts", Track([(0.0, tone(3.0))], "mp2"))
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() * 2)
    assert audio.load(both).shape[1] == pytest.approx(2 * audio.load(one).shape[1], abs=0.15 * RATE)


# Lengths, and changes of format


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_change_of_the_channels_keeps_their_number(order, record, tmp_path):
    sounds = [np.stack([tone(2.0)] * channels) for channels in order]
    bare = {"write_xing": "0", "id3v2_version": "0"}
    parts = [record(tmp_path / f"{len(one)}.mp3", one, RATE, "mp3", **bare).read_bytes() for one in sounds]
    sound = audio.load(io.BytesIO(b"".join(parts)))
    assert len(sound) == order[0]
    assert sound.shape[1] / RATE == pytest.approx(4.0, abs=0.2)
    for channel in sound:
        assert np.sqrt(np.square(channel[-RATE:-3_000]).mean()) == pytest.approx(0.4 / np.sqrt(2), rel=0.1)


def test_a_change_of_the_rate_keeps_the_time(record, tmp_path):
    """Of AAC without a container, FFmpeg counts the time by the first frames' rate."""
    parts = [record(tmp_path / f"{rate}.aac", tone(4.0, rate=rate), rate, "aac") for rate in (RATE, 44_100)]
    (sound,) = audio.load(io.BytesIO(b"".join(part.read_bytes() for part in parts)))
    assert len(sound) / RATE == pytest.approx(8.0, abs=0.3)
    assert np.abs(sound[5 * RATE : 7 * RATE].reshape(-1, FRAME)).max(axis=1).min() > 0.3  # no silence in between


def test_a_change_that_ffmpeg_cannot_follow_is_told(record, tmp_path):
    sounds = [np.stack([tone(2.0, rate=48_000)] * channels) for channels in (1, 2)]
    parts = [record(tmp_path / f"{len(one)}.ogg", one, 48_000, "libopus").read_bytes() for one in sounds]
    with pytest.raises(AudioError, match="changes midway"):
        audio.load(io.BytesIO(b"".join(parts)))


# Tracks


def test_the_default_track_is_read_or_another_or_all_as_channels(tmp_path):
    silent = Track([(0.0, np.zeros(2 * RATE, np.float32))])
    meeting = mux(tmp_path / "meeting.mkv", silent, Track([(0.0, tone(2.0))], default=True))
    assert np.abs(audio.load_mono(meeting)).max() == pytest.approx(0.4, abs=0.01)
    assert not audio.load_mono(meeting, track=1).any()
    room, party = audio.load(meeting, track="all")
    assert not room.any()
    np.testing.assert_array_equal(party, audio.load_mono(meeting))
    for track in (0, 3):
        with pytest.raises(UsageError, match="2 audio tracks"):
            audio.load(meeting, track=track)


@pytest.mark.parametrize(("kind", "codec"), [("mkv", "pcm_s16le"), ("mp4", "aac")])
def test_tracks_keep_their_times(tmp_path, kind, codec):
    tracks = Track([(0.0, tone(1.0))], codec), Track([(3.0, tone(1.0, 700))], codec)
    first, second = audio.load(mux(tmp_path / f"two.{kind}", *tracks), track="all")
    assert sounding_s(first) == pytest.approx((0.0, 1.0), abs=0.1)
    assert sounding_s(second) == pytest.approx((3.0, 4.0), abs=0.1)


def test_a_track_that_ends_early_does_not_hold_the_others_back(tmp_path):
    path = mux(tmp_path / "two.mkv", Track([(0.0, tone(1.0))]), Track([(0.0, tone(40.0))]))
    lengths = [block.shape for block in audio.blocks(path, track="all")]
    assert {channels for channels, _ in lengths} == {2}
    assert sum(length for _, length in lengths) == 40 * RATE


def test_channels_that_cancel_are_one_of_them_and_others_are_averaged():
    one, other = np.random.default_rng(1).uniform(-1, 1, (2, RATE)).astype(np.float32)
    np.testing.assert_array_equal(audio.Downmix().mix(np.stack([one, -0.9 * one]))[0], one)
    np.testing.assert_allclose(audio.Downmix().mix(np.stack([one, other]))[0], (one + other) / 2, atol=1e-7)


# Raw sound


def raw(record, folder: Path, codec: str) -> bytes:
    form = {"pcm_mulaw": "ul", "pcm_alaw": "al"}[codec]  # FFmpeg's formats without a header
    return record(folder / f"raw.{form}", tone(2.0, 500, 8_000), 8_000, codec).read_bytes()


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".ul", "pcm_mulaw"), (".ULAW", "pcm_mulaw"), (".al", "pcm_alaw"), (".vox", None)]
)
def test_g711_and_dialogic_adpcm_are_read_at_8_khz(tmp_path, record, suffix, codec):
    path = tmp_path / f"call{suffix}"
    path.write_bytes(raw(record, tmp_path, codec) if codec else bytes([0x08, 0x80]) * 4_000)
    sound = audio.load_mono(path)
    assert len(sound) == pytest.approx(2 * RATE, abs=2)
    if codec:
        assert np.abs(np.fft.rfft(sound[: 2 * RATE])).argmax() / 2 == pytest.approx(500, abs=2)


@pytest.mark.parametrize(("suffix", "form"), [(".raw", "s16le"), (".sw", "s16le"), (".g726", "g726")])
def test_what_does_not_say_its_format_is_refused(tmp_path, suffix, form):
    path = tmp_path / f"call{suffix}"
    path.write_bytes(pcm(tone(2.0)))
    with pytest.raises(AudioError, match=f"ffmpeg -f {form}"):
        audio.load(path)


def wav(path: Path, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm(tone(2.0)))
    return path


@pytest.mark.parametrize("name", ["call.ul", "call.raw", "call.vox"])
def test_a_file_with_a_header_is_what_its_header_says(tmp_path, name):
    assert len(audio.load_mono(wav(tmp_path / name, RATE))) == 2 * RATE


def test_a_sample_rate_that_cannot_be_is_refused(tmp_path):
    """Resampling from 596 MHz took eight seconds."""
    path, began = wav(tmp_path / "call.wav", 596_225_088), time.process_time()
    with pytest.raises(AudioError):
        audio.load(path)
    assert time.process_time() - began < 1


def test_open_files_and_pipes_are_read_from_their_start(tmp_path, record):
    path = record(tmp_path / "call.wav", tone(1.0), RATE, "pcm_s16le")
    file = io.BytesIO(path.read_bytes())
    file.seek(100)
    np.testing.assert_array_equal(audio.load_mono(file), audio.load_mono(path))
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as sink:
            sink.write(path.read_bytes())

    threading.Thread(target=write, daemon=True).start()
    with os.fdopen(reading, "rb") as pipe:
        np.testing.assert_array_equal(audio.load_mono(pipe), audio.load_mono(path))


@pytest.mark.parametrize(
    "file",
    [b"call.wav", None, "", np.zeros(9, np.float32), io.StringIO("RIFF"), SimpleNamespace(read=io.BytesIO().read)],
    ids=["bytes", "None", "empty", "samples", "text", "only read"],
)
def test_what_is_neither_a_path_nor_a_binary_file_is_refused(file):
    with pytest.raises(UsageError):
        audio.load_mono(file)


def test_a_file_that_is_open_as_text_is_refused(tmp_path, record):
    path = record(tmp_path / "call.wav", tone(1.0), RATE, "pcm_s16le")
    with path.open(encoding="latin-1") as file, pytest.raises(UsageError, match="'rb'"):
        audio.load_mono(file)


def test_raw_sound_has_no_format(record, tmp_path):
    noises = [np.random.default_rng(seed).integers(-9_000, 9_000, 4_096).astype("<i2").tobytes() for seed in range(20)]
    for start in (b"", b"\0" * 8_192, b"\xff" * 8_192, b"fLaX" + bytes(200), b"ID3 is a tag" * 20, *noises):
        assert identify(start) is None
    silence = b"\xff\x7f" * 40_000 + raw(record, tmp_path, "pcm_mulaw")
    with pytest.raises(AudioError):  # not frames of MP3
        audio.load(io.BytesIO(silence + silence))


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw", "pcm_s16le", "pcm_u8", "pcm_f32le"])
def test_raw_speech_has_no_format_wherever_it_begins(data, record, tmp_path, codec):
    """Silence in µ-law looks like the first bytes of an MP3's frames."""
    with av.open(str(data / "calls" / "auto_repair_call_8k_mono.wav")) as call:
        frames = [as_array(frame) for frame in islice(call.decode(audio=0), 450)]
    content = record(tmp_path / "call.wav", np.concatenate(frames, axis=1) / 32768, 8_000, codec).read_bytes()
    assert len(content) > 200_000
    starts = np.random.default_rng(1).integers(200, len(content) - 8_192, 40) & ~1
    assert not [place for place in starts if identify(content[place : place + 8_192])]
