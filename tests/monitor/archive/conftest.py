"""A small archive's recordings, models that need no time, and reading the datasets back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.archive.folder import ArchiveFolder
from monitor.archive.recordings import Found
from monitor.archive.scoring import Finished, Scored
from monitor.archive.tables import Tables, load
from monitor.cli import main
from monitor.flow import Transcript, Word
from monitor.pipeline.opening import Models
from monitor.timeline.turn import Turn
from monitor.transcribers import NoTranscriber
from stser_core import audio
from stser_core.scores import EmotionScores, SpeechInput


class Loudest:
    """A scorer that finds loud speech angry."""

    name = "loudest"

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        angry = [min(0.97, float(abs(spoken.samples).max())) for spoken in inputs]
        each = [(one, (1 - one) / 2, (1 - one) / 4, (1 - one) / 4) for one in angry]
        return [EmotionScores({"speech": one}, one) for one in each]


@pytest.fixture
def models() -> Models:
    return Models(Loudest(), NoTranscriber())


@pytest.fixture(scope="session")
def recordings(data: Path, record: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short recordings in folders by day, two of them broken, and a file that is none."""
    folder = tmp_path_factory.mktemp("recordings")
    clips = [audio.load_mono(path) for path in sorted((data / "emodb").glob("*.flac"))]
    pause = np.zeros(12_000, np.float32)
    for number in range(10):
        spoken = np.concatenate([clips[number % 6], pause, clips[(number + 1) % 6], pause, clips[(number + 2) % 6]])
        silent = np.zeros_like(spoken)
        silent[40_000:], spoken[40_000:] = (spoken[40_000:], 0) if number % 3 == 0 else (0, spoken[40_000:])
        samples = np.stack([spoken, silent]) if number % 3 == 0 else spoken[None]
        shared = 8 if number == 9 else number  # two with one name but for the extension
        kind = {2: "flac", 6: "flac", 8: "flac", 9: "mp3"}.get(number, "wav")
        path = folder / f"2026-10-{shared + 1:02d}" / f"call-{shared:03d}.{kind}"
        path.parent.mkdir(exist_ok=True)
        step = 2 if number == 1 else 1  # one at 8 kHz
        record(path, samples[:, ::step], 16_000 // step, "pcm_s16le" if kind == "wav" else kind)
    (folder / "broken").mkdir()
    (folder / "broken" / "empty.wav").write_bytes(b"")
    (folder / "broken" / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(4_000))
    (folder / "notes.txt").write_text("This is not a recording.\n")
    return folder


@pytest.fixture(scope="session")
def usual(scratch_checkpoint: Path) -> list[str]:
    """An untrained checkpoint, and no transcriber."""
    return ["--checkpoint", str(scratch_checkpoint), "--asr", "none"]


@pytest.fixture
def archive(usual: list[str]) -> Callable[..., int]:
    """Run `archive` with what is usual, and with one worker unless it is told."""

    def run(*arguments: object) -> int:
        return main(["archive", *usual, "--workers", "1", *map(str, arguments)])

    return run


@pytest.fixture(scope="session")
def done(recordings: Path, usual: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unbroken run that others are compared with."""
    out = tmp_path_factory.mktemp("done") / "timelines"
    assert main(["archive", str(recordings), "--out", str(out), "--workers", "1", "--quiet", *usual]) == 0
    return out


@pytest.fixture
def deadly(data: Path, record: Callable[..., Path], tmp_path: Path) -> Found:
    """A recording that is overdriven, as no other is."""
    samples = 30 * audio.load_mono(data / "emodb" / "03a02Nc.flac")
    return Found("deadly.flac", str(record(tmp_path / "deadly.flac", samples.clip(-1, 1), 16_000, "flac")))


@pytest.fixture
def contents() -> Callable[[Path], dict[str, Any]]:
    """All that an archive holds, in an order that does not depend on who was quicker."""

    def read(root: Path) -> dict[str, Any]:
        def rows(kind: str) -> list[dict[str, Any]]:
            found = [row for path in (root / kind).glob("*.parquet") for row in load(path).to_pylist()]
            return sorted(found, key=lambda row: (row["recording"], row.get("turn", 0)))

        timelines = sorted(path for path in root.rglob("*.csv") if path.name != "failures.csv")
        return {
            "timelines": {path.relative_to(root).as_posix(): path.read_bytes() for path in timelines},
            "turns": rows("turns"),
            "calls": rows("calls"),
            "failures": (root / "failures.csv").read_text(),
        }

    return read


@pytest.fixture
def scored(turn: Callable[..., Turn], surely: Callable[[str], EmotionScores]) -> Callable[..., Scored]:
    """Make a call: its name, and for each turn of the customer its start, end and emotion, and what is said."""

    def make(
        name: str,
        *spoken: tuple[float, float, str] | tuple[float, float, str, str],
        length_s: float = 100.0,
        **more: Any,
    ) -> Scored:
        turns = []
        for number, (start_s, end_s, emotion, *said) in enumerate(spoken, start=1):
            words = Transcript(tuple(Word(text, start_s, start_s + 1, 0.9) for text in said))
            when = {"turn": number, "start_s": start_s, "end_s": end_s}
            turns.append(turn(recording=name, scores=surely(emotion), transcript=words, **when))
        finished = Finished(name, 10, 1_790_000_000 * 10**9, length_s, length_s)
        return Scored(replace(finished, **more), tuple(turns))

    return make


@pytest.fixture
def archive_of(tmp_path: Path) -> Callable[..., Path]:
    """Make an archive of calls, as a run leaves it, or add calls to it."""

    def make(*calls: Scored) -> Path:
        folder = ArchiveFolder(tmp_path / "timelines")
        with folder.locked():
            folder.check_settings({"checkpoint": "default"})
            for one in calls:
                folder.finish(one)
            Tables(folder, explain=False).add(calls)
            folder.write_failures({})
        return folder.root

    return make
