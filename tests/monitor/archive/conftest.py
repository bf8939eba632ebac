"""A small archive's recordings, models that need no time, and reading the datasets back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from monitor.archive.recordings import Found
from monitor.cli import main
from monitor.pipeline.opening import Models
from monitor.transcribers.none import NoTranscriber
from stser_core.scores import EmotionScores, SpeechInput


class Loudest:
    """A scorer that finds loud speech angry."""

    name = "loudest"

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        angry = [min(0.97, float(abs(spoken.samples).max())) for spoken in inputs]
        each = [(one, (1 - one) / 2, (1 - one) / 4, (1 - one) / 4) for one in angry]
        return [EmotionScores({"speech": one}, one) for one in each]


def load() -> Models:
    """As a worker loads its models, here or elsewhere."""
    return Models(Loudest(), NoTranscriber())


@pytest.fixture
def models() -> Models:
    return load()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four recordings, two of them broken."""
    folder = tmp_path_factory.mktemp("recordings")
    script = Path(__file__).parent / "make_recordings.py"
    subprocess.run([sys.executable, str(script), str(folder), "--count", "24"], check=True)
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
def deadly(data: Path, tmp_path: Path) -> Found:
    """A recording that is overdriven, as no other is."""
    with av.open(str(data / "emodb" / "03a02Nc.flac")) as source:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in source.decode(audio=0)])
    path = tmp_path / "deadly.flac"
    loud = np.clip(30.0 * samples, -32768, 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(loud[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Found("deadly.flac", str(path))


@pytest.fixture
def contents() -> Callable[[Path], dict[str, Any]]:
    """All that an archive holds, in an order that does not depend on who was quicker."""

    def read(root: Path) -> dict[str, Any]:
        import pyarrow.parquet

        def rows(kind: str) -> list[dict[str, Any]]:
            shards = [pyarrow.parquet.ParquetFile(path).read() for path in sorted((root / kind).glob("*.parquet"))]
            found = [row for shard in shards for row in shard.to_pylist()]
            return sorted(found, key=lambda row: (row["recording"], row.get("turn", 0)))

        timelines = sorted(path for path in root.rglob("*.csv") if path.name != "failures.csv")
        return {
            "timelines": {path.relative_to(root).as_posix(): path.read_bytes() for path in timelines},
            "turns": rows("turns"),
            "calls": rows("calls"),
            "failures": (root / "failures.csv").read_text(),
        }

    return read
