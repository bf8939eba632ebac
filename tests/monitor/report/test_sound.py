import io

import av
import numpy as np
import pytest

from monitor.report.sound import encode
from stser_core.errors import AudioError

RATE = 8_000


def tone(hertz=440):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)


def loudness(content):
    """Decibels of each channel in the first and in the second second."""
    with av.open(io.BytesIO(content)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    samples = np.concatenate(frames, axis=1)
    powers = [[np.mean(samples[:, second * rate : (second + 1) * rate] ** 2, axis=1)] for second in (0, 1)]
    return 10 * np.log10(np.concatenate(powers).T + 1e-9)


def test_a_page_plays_opus_in_webm_with_every_second_in_its_place(tmp_path, write_wav):
    sound = encode(write_wav(tmp_path / "a.wav", tone(), RATE))
    with av.open(io.BytesIO(sound.content)) as container:
        assert container.format.name == "matroska,webm"
        assert container.streams.audio[0].codec_context.name == "opus"
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.1)
    assert sound.duration_s == pytest.approx(2.0, abs=0.001)
    assert sound.content.startswith(b"\x1aE\xdf\xa3")
    assert b"webm" in sound.content[:64]


def test_two_channels_stay_apart(tmp_path, write_wav):
    first, second = np.repeat([[1, 0], [0, 1]], RATE, axis=1) * tone()
    levels = loudness(encode(write_wav(tmp_path / "a.wav", [first, second], RATE)).content)
    assert levels.shape == (2, 2)
    assert min(levels[0, 0], levels[1, 1]) > -15
    assert max(levels[0, 1], levels[1, 0]) < -30


def test_what_is_not_sound_is_said(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.wav does not exist"):
        encode(tmp_path / "gone.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        encode(tmp_path / "text.wav")
