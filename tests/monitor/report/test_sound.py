import io

import av
import numpy as np
import pytest

from monitor.report.sound import encode

RATE = 8_000


def test_a_page_plays_opus_in_webm_with_every_second_and_channel_in_its_place(tmp_path, write_wav):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    sound = encode(write_wav(tmp_path / "a.wav", np.repeat([[1, 0], [0, 1]], RATE, axis=1) * tone, RATE))
    assert sound.duration_s == pytest.approx(2.0, abs=0.001)
    assert b"webm" in sound.content[:64]
    with av.open(io.BytesIO(sound.content)) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    assert stream.codec_context.name == "opus"
    seconds = np.split(samples[:, : 2 * stream.rate], 2, axis=1)
    levels = 10 * np.log10([np.mean(second**2, axis=1) + 1e-9 for second in seconds])
    assert levels.shape == (2, 2)
    assert min(levels[0, 0], levels[1, 1]) > -15
    assert max(levels[0, 1], levels[1, 0]) < -30
