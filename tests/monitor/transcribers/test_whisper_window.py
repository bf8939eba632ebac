"""The window in which Whisper hears an utterance."""

import importlib
import sys

import numpy as np
import pytest

from stser_core.errors import MissingExtraError, TranscriberError

pytest.importorskip("faster_whisper", reason="the extra [whisper] is not installed")
window = importlib.import_module("monitor.transcribers.whisper_window")

RATE = 16_000


@pytest.mark.parametrize(
    ("seconds", "window_s"), [(0.1, 10), (3, 10), (9, 10), (9.01, 20), (15, 20), (19.5, 30), (29, 30)]
)
def test_the_window_is_10_20_or_30_seconds_with_a_second_free(seconds, window_s):
    assert window.window_steps(round(seconds * RATE)) == window_s * 50


def test_what_is_not_the_utterance_is_filled_with_silence():
    features = np.linspace(0.5, 1.0, 80 * 3000, dtype=np.float32).reshape(80, 3000)
    padded = window.in_window(features, RATE)
    assert padded.shape == (80, 1000)
    assert np.array_equal(padded[:, :100], features[:, :100])
    assert np.unique(padded[:, 100:]).tolist() == [pytest.approx(features[:, :100].max() - 2.0)]


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 1), (29, 1), (30, 2), (59, 3)])
def test_a_long_utterance_comes_in_equal_pieces(seconds, count):
    pieces = window.pieces(np.zeros(round(seconds * RATE), np.float32))
    assert len(pieces) == count
    assert max(map(len, pieces)) <= 29 * RATE


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(TranscriberError, match="is not a Whisper model"):
        window.load(tmp_path)


def test_a_broken_model_is_refused(tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(TranscriberError, match="cannot be loaded"):
        window.load(tmp_path)


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    monkeypatch.delitem(sys.modules, "monitor.transcribers.whisper_window")
    with pytest.raises(MissingExtraError, match=r"stser-monitor\[whisper\]"):
        importlib.import_module("monitor.transcribers.whisper_window")
