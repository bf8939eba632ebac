"""The system's clock may jump: time is the stream's sample count."""

import itertools
import time

from speech import ROOT

from monitor.cli import main

CALL = ROOT / "tests" / "data" / "calls" / "two_speakers_16k_mono.wav"


def test_a_clock_that_jumps_by_days_changes_no_row(scratch_checkpoint, tmp_path, monkeypatch):
    def replay(name):
        usual = ["--checkpoint", str(scratch_checkpoint), "--asr", "none", "--quiet"]
        assert main(["replay", str(CALL), *usual, "--csv", str(tmp_path / name)]) == 0
        return (tmp_path / name).read_text()

    steady, jumps = replay("steady.csv"), itertools.cycle([0.0, 86_400.0, -86_400.0, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    assert replay("jumping.csv") == steady
    assert len(steady.splitlines()) > 2
