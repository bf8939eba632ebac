"""Scores of an utterance, and what one may be made of."""

import subprocess
import sys

import numpy as np
import pytest

from stser_core import EmotionScores, SpeechInput
from stser_core.errors import UsageError

SCORES = EmotionScores(
    by_classifier={"speech": (0.1, 0.2, 0.3, 0.4), "text": (0.7, 0.1, 0.1, 0.1)}, ensemble=(0.4, 0.15, 0.2, 0.25)
)


def test_the_most_probable_emotion_of_all_and_of_each_classifier():
    assert (SCORES.emotion, SCORES.confidence) == ("angry", 0.4)
    assert [SCORES.emotion_of(name) for name in ("speech", "text", "bimodal")] == ["sad", "angry", None]
    assert EmotionScores({}, (0.25, 0.25, 0.25, 0.25)).emotion == "angry", "of equals the first"


def test_samples_of_another_rate_are_resampled():
    tone = (0.4 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000)).astype(np.float32)
    given, expected = SpeechInput(tone, sample_rate=8_000).samples, np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given[400:15_600], 0.4 * expected[400:15_600], atol=2e-3)
    for rate in (0, 999, 10**7):
        with pytest.raises(UsageError, match=str(rate)):
            SpeechInput(tone, sample_rate=rate)


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import stser_core", ("torch", "numpy", "av")),
        ("import stser_core.config, stser_core.speaker_baseline", ("torch",)),
        (
            "from stser_core import checkpoint as c; c.available()",
            ("torch", "transformers", "safetensors", "huggingface_hub"),
        ),
    ],
)
def test_light_modules_import_nothing_heavy(code, unwanted):
    code += f"; import sys; print([name for name in {unwanted} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.1, 0.2], "list"),
        (np.ones(9, np.int16), r"int16 \[9\]"),
        (np.ones((2, 9), np.float32), r"float32 \[2, 9\]"),
        (np.full(9, np.nan, np.float32), "NaN"),
        (np.full(9, np.inf, np.float32), "infinite"),
        (np.full(9, -32_768, np.float32), "32768"),
        (np.full(9, 1e20, np.float32), r"1e\+20"),
    ],
    ids=["list", "16-bit", "stereo", "NaN", "infinite", "unscaled", "huge"],
)
def test_samples_that_would_be_misheard_are_refused(samples, message):
    with pytest.raises(UsageError, match=message):
        SpeechInput(samples)


def test_samples_a_little_beyond_full_scale_are_taken():
    assert SpeechInput(np.array([2.0, -2.0], np.float32)).samples.tolist() == [2.0, -2.0]


@pytest.mark.parametrize(
    "field", [{"text": 3}, {"text": b"hello"}, {"speaker": "customer"}, {"sample_rate": "16000"}, {"sample_rate": None}]
)
def test_fields_of_another_type_are_refused(field):
    with pytest.raises(UsageError, match=next(iter(field)).replace("_", " ")):
        SpeechInput(np.ones(9, np.float32), **field)


def test_an_utterance_is_made_of_a_file(data):
    from stser_core.audio import load_mono

    path = sorted((data / "emodb").glob("*.flac"))[0]
    by_path = SpeechInput.from_file(path, text="hello")
    with path.open("rb") as file:
        assert np.array_equal(SpeechInput.from_file(file).samples, by_path.samples)
    assert by_path.text == "hello" and np.array_equal(by_path.samples, load_mono(path))
