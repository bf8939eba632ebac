"""The system's clock may jump: time is the stream's sample count, and waiting goes by a clock that never does."""

import ast
import itertools
import time
from pathlib import Path

from speech import ROOT

from monitor.cli import main

CALL = ROOT / "tests" / "data" / "calls" / "two_speakers_16k_mono.wav"
WALL_CLOCKS = {"time.time", "time.localtime", "time.gmtime", "datetime.now", "datetime.today", "datetime.utcnow"}
DATED = {
    "monitor/archive/calls.py",
    "monitor/commands/outputs.py",
    "monitor/exporters/eaf.py",
    "monitor/exporters/exporter.py",
    "monitor/pipeline/pipeline.py",
    "monitor/serve/events.py",
    "monitor/serve/kept.py",
    "monitor/serve/lines.py",
}
"""They write the date: when a file was made, or at what time of day a live turn was spoken."""


def test_a_clock_that_jumps_by_days_changes_no_row(scratch_checkpoint, tmp_path, monkeypatch):
    def replay(name):
        usual = ["--checkpoint", str(scratch_checkpoint), "--asr", "none", "--quiet"]
        assert main(["replay", str(CALL), *usual, "--csv", str(tmp_path / name)]) == 0
        return (tmp_path / name).read_text()

    steady, jumps = replay("steady.csv"), itertools.cycle([0.0, 86_400.0, -86_400.0, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    assert replay("jumping.csv") == steady
    assert len(steady.splitlines()) > 2


def wall_clocks(path: Path) -> set[str]:
    calls = (ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))
    return {call for call in calls if call.endswith(tuple(WALL_CLOCKS))}


def test_only_what_writes_a_date_asks_for_the_time_of_day():
    asking = {str(path.relative_to(ROOT)) for path in (ROOT / "monitor").rglob("*.py") if wall_clocks(path)}
    assert asking == DATED
