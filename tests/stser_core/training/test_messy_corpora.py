"""Corpora as people have them: trouble is one sentence before training, or clips that are left out and counted."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_caches import model

from stser_core.config import CheckpointConfig
from stser_core.emotions import LABELS
from stser_core.training.caches import FrameCache
from stser_core.training.cli import main
from stser_core.training.clip import Clip
from stser_core.training.options import Corpora
from stser_core.training.splits import HoldOut, divide

Change = Callable[[Path], None]
HEADER = "path,label,speaker"


def record(path: Path, hertz: float, rate: int = 16_000, seconds: float = 0.4) -> None:
    time = np.arange(round(seconds * rate)) / rate
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((9_000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes())


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three speakers, four clips each; every recording differs."""
    rows = [HEADER]
    for who in range(3):
        for number, label in enumerate(LABELS):
            record(tmp_path / "calls" / f"{who}{label}.wav", 200 + 100 * who + 10 * number)
            rows.append(f"calls/{who}{label}.wav,{label},speaker{who}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def rewritten(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / "manifest.csv"
        path.write_text(path.read_text().replace(old, new))

    return change


def encoded(encoding: str, line_end: str = "\n") -> Change:
    def change(folder: Path) -> None:
        path = folder / "manifest.csv"
        path.write_bytes(path.read_text().replace("\n", line_end).encode(encoding))

    return change


def read(folder: Path) -> tuple[Clip, ...]:
    return Corpora(["manifest"], [folder / "manifest.csv"]).clips()


@pytest.mark.parametrize(
    "change",
    [
        encoded("utf-8-sig", "\r\n"),
        rewritten("calls/", "calls\\"),
        rewritten(",", ";"),
        rewritten(",", "\t"),
        rewritten(",angry,", ", Anger ,"),
        rewritten(",happy,", ",JOY,"),
        rewritten(HEADER, " Path ,LABEL,Speaker"),
        rewritten("\n", "\n\n"),
        lambda folder: record(folder / "calls" / "0angry.wav", 333, rate=44_100),
        lambda folder: record(folder / "calls" / "0angry.wav", 333, seconds=0.01),
        lambda folder: record(folder / "calls" / "0angry.wav", 0),
    ],
    ids="BOM-CRLF,backslashes,semicolons,tabs,case,synonym,header,blank-lines,rate,short,silent".replace(
        "-CRLF,", " and CRLF,"
    ).split(","),
)
def test_what_is_meant_is_read(corpus: Path, default_like: CheckpointConfig, change: Change) -> None:
    change(corpus)
    clips = read(corpus)
    assert {clip.label for clip in clips} == set(LABELS) and len(clips) == 12
    cache = FrameCache(model(default_like), corpus / "cache")
    cache.prepare(clips)
    assert all(cache.length(clip) and np.isfinite(cache.frames(clip)).all() for clip in clips)


def test_samples_that_are_nan_become_silence(corpus: Path, default_like: CheckpointConfig) -> None:
    sound = np.sin(np.arange(8_000) / 9).astype("<f4")
    sound[::7] = np.nan
    data = b"fmt " + (16).to_bytes(4, "little") + np.array([3, 1], "<u2").tobytes()
    data += np.array([16_000, 64_000], "<u4").tobytes() + np.array([4, 32], "<u2").tobytes()
    data += b"data" + sound.nbytes.to_bytes(4, "little") + sound.tobytes()
    path = corpus / "calls" / "0angry.wav"
    path.write_bytes(b"RIFF" + (4 + len(data)).to_bytes(4, "little") + b"WAVE" + data)
    cache = FrameCache(model(default_like), corpus / "cache")
    assert all(np.isfinite(cache.frames(clip)).all() for clip in read(corpus))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rewritten(",sad,", ",bored,"), "bored 3"),
        (
            lambda folder: shutil.copy(folder / "calls" / "0sad.wav", folder / "calls" / "1sad.wav"),
            "copies of others: 1",
        ),
        (rewritten(",speaker1", ","), "4 recordings name no speaker"),
    ],
    ids=["other labels", "copies", "no speaker"],
)
def test_what_is_left_out_is_counted(corpus: Path, change: Change, said: str, capsys) -> None:
    change(corpus)
    read(corpus)
    assert said in capsys.readouterr().err


def test_copies_cannot_leak_into_another_part(corpus: Path) -> None:
    for label in LABELS:
        shutil.copy(corpus / "calls" / f"0{label}.wav", corpus / "calls" / f"2{label}.wav")
    fold = divide(read(corpus), HoldOut(0.5))
    assert {clip.speaker for clip in fold.train + fold.validation} == {"speaker0", "speaker1"}


def test_one_speaker_is_divided_by_clips(corpus: Path) -> None:
    path = corpus / "manifest.csv"
    path.write_text(
        "\n".join(line.rpartition(",")[0] + ",anna" for line in path.read_text().splitlines()).replace(
            "label,anna", HEADER[5:]
        )
    )
    fold = divide(read(corpus), HoldOut(0.25))
    assert len(fold.validation) == 3 and fold.shared_speakers == {"anna"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "calls" / "0sad.wav").unlink(), "0sad.wav"),
        (lambda folder: (folder / "calls" / "0sad.wav").write_bytes(b""), "0sad.wav"),
        (lambda folder: (folder / "calls" / "0sad.wav").write_text("<html>404</html>"), "0sad.wav"),
        (lambda folder: record(folder / "calls" / "0sad.wav", 300, seconds=0), "0sad.wav"),
        (rewritten("calls/0sad.wav", "C:\\calls\\0sad.wav"), "0sad.wav"),
        (rewritten("calls/1sad.wav", "calls/0sad.wav"), "0sad.wav"),
        (rewritten(",sad,speaker1", ",,speaker1"), "line 9"),
        (rewritten(",sad,speaker1", ",sad,speaker1,x,y"), "line 9"),
        (rewritten(HEADER, "file,label,speaker"), "path or text"),
        (rewritten(HEADER, HEADER + ",split\n,,,dev"), "line 2"),
        (encoded("utf-16"), "UTF-16"),
        (lambda folder: (folder / "manifest.csv").write_bytes(b""), "needs a column"),
        (lambda folder: (folder / "manifest.csv").write_text(HEADER + "\n"), "no clip"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_before_training(
    corpus: Path, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(corpus)
    place = ["--corpus", "manifest", "--data", str(corpus / "manifest.csv"), "--cache", str(corpus / "cache")]
    assert main(["fit", *place, "--preset", "paper", "--classifiers", "speech", "--out", str(corpus / "run")]) == 1
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stser-train: ")]
    assert len(complaint) == 1 and said in complaint[0]
    assert not (corpus / "run" / "checkpoint").exists()
