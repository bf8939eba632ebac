"""The system's clock may jump: time is the stream's sample count."""

import itertools
import time

from speech import ROOT

CALL = ROOT / "tests" / "data" / "calls" / "two_speakers_16k_mono.wav"


def test_a_clock_that_jumps_by_days_changes_no_row(replay, monkeypatch):
    steady, jumps = replay(CALL, "--csv", "-"), itertools.cycle([0.0, 86_400.0, -86_400.0, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    assert replay(CALL, "--csv", "-").out == steady.out
    assert len(steady.rows) > 2
