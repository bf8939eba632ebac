"""From a recording to its figures and to another program's file, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from monitor.cli import main


@pytest.fixture(scope="module")
def replayed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the timeline and the figures of a real recording."""
    folder = tmp_path_factory.mktemp("replayed")
    recording = data / "calls" / "two_speakers_16k_mono.wav"
    arguments = ["--asr", "none", "--csv", str(folder / "call.csv"), "--analytics", str(folder / "call.json")]
    assert main(["replay", str(recording), *arguments, "--quiet"]) == 0
    return folder


def test_the_figures_are_those_of_the_timeline(replayed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = json.loads((replayed / "call.json").read_text())
    with (replayed / "call.csv").open() as file:
        rows = list(csv.DictReader(file))
    (speaker,) = figures["speakers"]
    assert speaker["turns"] == len(rows) == 6
    spoken = sum(float(row["end_s"]) - float(row["start_s"]) for row in rows)
    assert speaker["talk_s"] == pytest.approx(spoken, abs=0.01)

    assert main(["analytics", str(replayed / "call.csv"), "-o", "-"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["speakers"][0]["talk_s"] == speaker["talk_s"]


def test_the_timeline_becomes_subtitles(replayed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(replayed / "call.csv"), "--to", "srt", "-o", "-"]) == 0
    assert capsys.readouterr().out.count(" --> ") == 6


def test_a_place_for_the_figures_that_cannot_be_written_is_refused_first(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = str(data / "calls" / "two_speakers_16k_mono.wav")
    assert main(["replay", recording, "--asr", "none", "--analytics", str(tmp_path / "no" / "where.json")]) == 1
    assert "where.json" in capsys.readouterr().err
