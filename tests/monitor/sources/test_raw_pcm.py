"""Sound from a pipe, with known samples."""

import io
import os
import struct
import threading
import wave

import numpy as np
import pytest
from waiting import wait_until

from monitor.sources.raw_pcm import RawPcm
from stser_core.errors import AudioError, DeviceError

COUNTING = np.arange(-5000, 5000, dtype="<i2")
STARTING = COUNTING[:4096].tobytes()  # examined before it is treated as PCM


def heard(data, **options):
    blocks = list(RawPcm(io.BytesIO(data), **options).blocks())
    assert [block.start for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert blocks[0].start == 0
    return np.concatenate([block.samples for block in blocks], axis=1)


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        yield source, sink
        sink.close()
        for thread in threading.enumerate():  # one that was about to read would read from the next test's pipe
            if thread.name == "stdin":
                thread.join(5)


@pytest.mark.parametrize("extra", [b"", b"\x01", b"\x01\x02\x03"])
def test_channels_are_interleaved_and_an_incomplete_sample_at_the_end_is_ignored(extra):
    left, right = heard(COUNTING.tobytes() + extra, channels=2) * 32768
    np.testing.assert_array_equal(left, COUNTING[::2])
    np.testing.assert_array_equal(right, COUNTING[1::2])


def test_another_rate_is_resampled_to_its_end():
    times = np.arange(88_200) / 44_100
    tone = (10_000 * np.sin(2 * np.pi * 440 * times)).astype("<i2")
    samples = heard(tone.tobytes(), rate=44_100)[0]
    assert len(samples) == pytest.approx(32_000, abs=1)
    expected = 10_000 / 32768 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16_000)
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=1e-3)


def test_what_a_pipe_delivers_in_odd_bits_is_put_together(pipe):
    source, sink = pipe
    data = COUNTING.tobytes()

    def write():
        for start in range(0, len(data), 333):
            sink.write(data[start : start + 333])
        sink.close()

    threading.Thread(target=write, daemon=True).start()
    blocks = list(RawPcm(source).blocks())
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks], axis=1)[0] * 32768, COUNTING)
    assert all(320 <= block.end - block.start <= 1600 for block in blocks[:-1])


def test_what_comes_slowly_is_heard_at_once(pipe):
    source, sink = pipe
    blocks = RawPcm(source).blocks()
    sink.write(STARTING)
    while next(blocks).end < 4_000:  # what is left is shorter than a block
        pass
    sink.write(COUNTING[:800].tobytes())
    assert next(blocks).end == 4_896


def test_stopping_ends_it_while_the_pipe_is_silent(pipe):
    source, sink = pipe
    sink.write(STARTING)
    pcm = RawPcm(source)
    came = []
    reading = threading.Thread(target=lambda: came.extend(pcm.blocks()), daemon=True)
    reading.start()
    wait_until(lambda: came and came[-1].end >= 4_000)
    pcm.stop()
    pcm.stop()
    reading.join(2)
    assert not reading.is_alive()
    assert came[-1].end == 4096


def wav(channels=1, rate=16_000):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(COUNTING.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("chunk", [b"", b"LIST" + struct.pack("<I", 5) + b"hello\0"])
def test_a_wav_header_that_fits_is_passed_over(chunk):
    plain = wav()
    np.testing.assert_array_equal(heard(plain[:36] + chunk + plain[36:])[0] * 32768, COUNTING)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "stdin ended before any sound came"),
        (b"x", "stdin ended before any sound came"),
        (wav(channels=2, rate=44_100), "--device -:44100"),
        (wav()[:12], "WAV header that is broken"),
        (wav()[:20], "WAV header that is broken"),
        (wav()[:40], "WAV header that is broken"),
        (wav()[:34] + b"\x08" + wav()[35:], "16-bit samples"),
    ],
)
def test_a_pipe_without_sound_and_a_wav_header_that_does_not_fit_are_reported(data, said):
    with pytest.raises(AudioError, match=said):
        heard(data)


@pytest.mark.parametrize(("ending", "codec"), [("flac", "flac"), ("ogg", "libopus"), ("mp4", "aac")])
def test_a_compressed_file_is_refused(ending, codec, record, tmp_path):
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, 48_000)
    with pytest.raises(AudioError) as refused:
        heard(record(tmp_path / f"a.{ending}", noise, 48_000, codec).read_bytes(), rate=48_000, channels=2)
    assert "replay -" in str(refused.value)
    assert "-ar 48000 -ac 2" in str(refused.value)


@pytest.mark.parametrize("start", [b"fLaX", b"ID3 is a tag", b"\x1a\x45\xdf\x00", b"ftyp", b"....ftyq"])
def test_sound_that_begins_almost_like_a_compressed_file_is_heard(start):
    samples = heard(start + COUNTING.tobytes())
    np.testing.assert_array_equal(samples[0] * 32768, np.frombuffer(start + COUNTING.tobytes(), "<i2"))


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_a_terminal_is_refused():
    keyboard, screen = os.openpty()
    with (
        os.fdopen(keyboard, "rb", buffering=0),
        os.fdopen(screen, "rb", buffering=0) as terminal,
        pytest.raises(DeviceError, match="stdin is a terminal"),
    ):
        RawPcm(terminal)


RANDOM = np.random.default_rng(1)
SPEECH_LIKE = np.convolve(RANDOM.normal(0, 6_000, 64_000), np.ones(4) / 2, "same")


@pytest.mark.parametrize(
    ("samples", "notices"),
    [
        (RANDOM.integers(0, 256, 200_000).astype("u1"), 1),
        (RANDOM.normal(0, 0.2, 64_000).astype("<f4"), 1),
        ((RANDOM.normal(0, 3, 200_000) + 128).astype("u1"), 1),
        *(((gain * SPEECH_LIKE).clip(-32768, 32767).astype("<i2"), 0) for gain in (0.0, 0.01, 0.3, 1.0)),
    ],
    ids=["any bytes", "floats", "8-bit", "silence", "faint", "speech", "loud"],
)
def test_what_is_not_16_bit_is_told_once(samples, notices):
    said = []
    heard(samples.tobytes(), notices=said.append)
    assert len(said) == notices
