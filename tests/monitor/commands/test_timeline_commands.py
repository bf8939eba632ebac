"""From a recording to its figures and to another program's file, through the command line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.flow import Transcript, Word


def test_a_replay_s_timeline_becomes_figures_and_subtitles(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, call = data / "calls" / "two_speakers_16k_mono.wav", tmp_path / "call.csv"
    assert main(["replay", str(recording), "--asr", "none", "--csv", str(call), "--quiet"]) == 0
    with call.open() as file:
        rows = list(csv.DictReader(file))
    assert main(["analytics", str(call), "-o", "-"]) == 0
    (speaker,) = json.loads(capsys.readouterr().out)["speakers"]
    assert speaker["turns"] == len(rows) == 6
    spoken = sum(float(row["end_s"]) - float(row["start_s"]) for row in rows)
    assert speaker["talk_s"] == pytest.approx(spoken, abs=0.01)

    assert main(["export", str(call), "--to", "srt", "-o", "-"]) == 0
    assert capsys.readouterr().out.count(" --> ") == 6


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_words_that_the_output_s_encoding_lacks_do_not_end_a_command(tmp_path, turn, write_timeline, encoding):
    japanese = turn(speaker="日本", transcript=Transcript((Word("日本", 1.2, 1.5, 0.9),)))
    call = write_timeline(tmp_path / "call.csv", japanese)
    code = "import sys; from monitor.cli import main; sys.exit(main(['analytics', sys.argv[1]]))"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", code, str(call)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
