import json
import os
import subprocess
import sys

import pytest

from monitor.commands.timelines import analytics
from monitor.flow import Transcript, Word


@pytest.fixture
def turns(turn, surely):
    agent = {"channel": 2, "speaker": "agent", "scores": None}
    return [turn(), turn(turn=2, start_s=2.2034, end_s=9.0001, **agent), turn(turn=3, start_s=12, end_s=15)]


@pytest.fixture
def timeline(tmp_path, turns, write_timeline):
    return write_timeline(tmp_path / "call.csv", *turns)


@pytest.mark.parametrize("kept_out", [False, True])
def test_they_are_written_as_json_with_or_without_words(timeline, capsys, kept_out):
    analytics(timeline, "-", no_transcript=kept_out)
    call = json.loads(capsys.readouterr().out)
    customer, agent = call["speakers"]
    assert (customer["speaker"], customer["words"]) == ("customer", None if kept_out else 6)
    assert (agent["speaker"], agent["emotions"]) == ("agent", None)
    assert {turn["transcript"] for turn in call["angriest_minute"]["turns"]} == {None if kept_out else "where is it"}


def test_without_a_file_they_are_shown_in_full(tmp_path, turn, turns, capsys, write_timeline):
    long = turn(turn=4, start_s=20, end_s=25, transcript=Transcript((Word("on and on " * 20 + "end", 20, 25, 0.9),)))
    analytics(write_timeline(tmp_path / "call.csv", *turns, long))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["speaker", "customer", "agent"]
    assert lines[-1].endswith("on and on end")


def test_nobody_spoke(tmp_path, capsys, write_timeline):
    analytics(write_timeline(tmp_path / "silent.csv"))
    assert capsys.readouterr().out == "No speech was found.\n"


@pytest.mark.slow
def test_words_that_the_output_s_encoding_lacks_do_not_end_a_command(tmp_path, turn, write_timeline):
    japanese = turn(speaker="日本", transcript=Transcript((Word("日本", 1.2, 1.5, 0.9),)))
    call = write_timeline(tmp_path / "call.csv", japanese)
    code = "import sys; from monitor.cli import main; sys.exit(main(['analytics', sys.argv[1]]))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", code, str(call)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
