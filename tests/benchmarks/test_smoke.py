"""The quick measurements run, and give figures that can be so."""

import json
import os
import sys

import numpy as np
import pytest

from benchmarks import __main__ as benchmark
from benchmarks import stages, word_errors
from benchmarks.figures import Budget, Figure
from benchmarks.plan import Plan
from benchmarks.running import Cost, cost, cost_of_command, one_core
from benchmarks.sounds import Looped
from stser_core.errors import StserError


def test_a_looped_stream_is_as_long_and_as_wide_as_asked_for():
    blocks = list(Looped(np.arange(24_000, dtype=np.float32), 3.05, channels=2).blocks())

    assert [block.start for block in blocks] == list(range(0, 48_800, 1600))
    assert {block.samples.shape for block in blocks} == {(2, 1600)}
    assert blocks[0].samples[:, 0].tolist() == [0, 12_000]
    assert blocks[15].samples[0, 0] == 0


def test_work_costs_the_cpu_it_takes():
    assert cost(lambda: sum(range(10**6))).cpu_s > 0


def test_a_command_costs_what_its_processes_cost_too():
    busy = "import time\nwhile time.process_time() < 0.4: pass"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"

    assert cost_of_command([sys.executable, "-c", outer]).cpu_s >= 0.4


def test_a_start_is_taken_off_time_and_cpu():
    assert Cost(10.0, 8.0, 900).less(Cost(4.0, 5.0, 800)) == Cost(6.0, 3.0, 900)


def test_pieces_of_the_call_repeat_it_to_any_length(tmp_path):
    import wave

    with wave.open(str(Plan(quick=True, scratch=tmp_path).piece(300)), "rb") as file:
        assert file.getnframes() == 300 * 16_000


def test_references_without_a_table_are_refused(tmp_path):
    with pytest.raises(StserError, match=r"no refs\.csv"):
        word_errors.read(tmp_path)


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (2.0, 1)])
def test_a_run_prints_a_table_writes_json_and_tells_what_does_not_hold(tmp_path, monkeypatch, capsys, value, code):
    figure = Figure("words", "a ratio", value, "×", "something else", Budget(1.5))
    monkeypatch.setattr(benchmark, "MEASUREMENTS", (("words", lambda plan: [figure]),))

    assert benchmark.main(["--quick", "--json", str(tmp_path / "out.json")]) == code

    printed = capsys.readouterr().out
    assert f"{1 - code} of 1 budgets hold" in printed
    assert "something else" in printed
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["figures"][0]["value"] == value
    assert str(os.cpu_count()) in told["machine"]["processor"]


def test_what_was_measured_is_told_although_the_next_part_fails(tmp_path, monkeypatch, capsys):
    def fail(plan):
        raise OSError("no such device")

    figure = Figure("words", "a ratio", 1.0, "×", "something else")
    monkeypatch.setattr(benchmark, "MEASUREMENTS", (("words", lambda plan: [figure]), ("channels", fail)))

    with pytest.raises(OSError, match="no such device"):
        benchmark.main(["--json", str(tmp_path / "out.json")])

    assert "a ratio" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out.json").read_bytes())["figures"]) == 1


def test_every_stage_is_measured_on_the_programs_own_parts(tmp_path):
    plan = Plan(quick=True, scratch=tmp_path)
    plan.__dict__["vosk"] = None  # its model would take most of the time

    figures = {figure.name: figure.value for figure in stages.measure(plan)}

    assert set(figures) >= {"decode", "VAD and endpoints", "log-mel", "front end", "smodel", "tmodel", "export"}
    assert sum(figures.values()) == pytest.approx(100)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to a core")
def test_a_command_can_be_kept_on_one_core():
    count = "import os, sys; sys.exit(str(len(os.sched_getaffinity(0))))"
    command = [sys.executable, "-c", count]
    before = os.sched_getaffinity(0)

    with one_core(), pytest.raises(RuntimeError, match=r"failed: 1$"):
        cost_of_command(command)

    assert os.sched_getaffinity(0) == before
