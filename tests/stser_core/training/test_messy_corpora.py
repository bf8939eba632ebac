"""Corpora as people have them: trouble is one sentence before training, or clips that are left out and counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from making import write_wav
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
    write_wav(path, 0.3 * np.sin(2 * np.pi * hertz * time), rate)


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


MEANT = {
    "byte order mark": encoded("utf-8-sig", "\r\n"),
    "backslashes": rewritten("calls/", "calls\\"),
    "semicolons": rewritten(",", ";"),
    "tabs": rewritten(",", "\t"),
    "case": rewritten(",angry,", ", Anger ,"),
    "header": rewritten(HEADER, " Path ,LABEL,Speaker"),
    "blank lines": rewritten("\n", "\n\n"),
    "rate": lambda folder: record(folder / "calls" / "0angry.wav", 333, rate=44_100),
    "short": lambda folder: record(folder / "calls" / "0angry.wav", 333, seconds=0.01),
    "silent": lambda folder: record(folder / "calls" / "0angry.wav", 0),
}


@pytest.mark.parametrize("change", MEANT.values(), ids=MEANT)
def test_what_is_meant_is_read(corpus: Path, default_like: CheckpointConfig, change: Change) -> None:
    change(corpus)
    clips = read(corpus)
    assert {clip.label for clip in clips} == set(LABELS) and len(clips) == 12
    cache = FrameCache(model(default_like), corpus / "cache")
    cache.prepare(clips)
    assert all(cache.length(clip) and np.isfinite(cache.frames(clip)).all() for clip in clips)


def test_copies_cannot_leak_into_another_part_and_what_is_left_out_is_counted(corpus: Path, capsys) -> None:
    for label in LABELS:
        shutil.copy(corpus / "calls" / f"0{label}.wav", corpus / "calls" / f"2{label}.wav")
    rewritten("1sad.wav,sad,", "1sad.wav,bored,")(corpus)
    fold = divide(read(corpus), HoldOut(0.5))
    assert {clip.speaker for clip in fold.train + fold.validation} == {"speaker0", "speaker1"}
    said = capsys.readouterr().err
    assert "copies of others: 4" in said and "bored 1" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "calls" / "0sad.wav").unlink(), "0sad.wav"),
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
