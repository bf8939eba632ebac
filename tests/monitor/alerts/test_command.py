import json
import os
import sys
import time

import pytest
from waiting import wait_until

from monitor.alerts.alarm import Alarm, AlertCommand, command_words
from monitor.alerts.rules import parse
from stser_core.errors import UsageError


def script(text):
    return [sys.executable, "-c", text]


def append_to(path):
    return script(f"import sys; open({str(path)!r}, 'a').write(sys.stdin.read())")


@pytest.fixture
def said():
    return []


def test_a_command_is_split_as_a_shell_would_and_never_run_by_one():
    assert command_words(f"'{sys.executable}' -c 'a b' $HOME;x") == [sys.executable, "-c", "a b", "$HOME;x"]


@pytest.mark.parametrize(
    ("command", "why"),
    [("", "empty"), ("say 'hello", "No closing quotation"), ("no-such-program -x", "no-such-program")],
)
def test_a_command_that_cannot_be_run_is_refused(command, why):
    with pytest.raises(UsageError, match=why):
        command_words(command)


@pytest.mark.parametrize(
    ("words", "why"), [(script("import sys; sys.exit(3)"), "code 3"), (["/gone"], "cannot be run")]
)
def test_a_failure_is_said_and_does_not_end_anything(said, words, why):
    command = AlertCommand(words, said.append, patience_s=20)
    command.run("x" * 1_000_000)  # which it never reads
    command.run("x")
    command.close()
    assert len(said) == 2
    assert why in said[0]


def test_one_that_hangs_holds_nothing_up_and_is_left_behind(tmp_path, said):
    hanging = script(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    command = AlertCommand(hanging, said.append, patience_s=0.2)
    began = time.monotonic()
    for _ in range(12):
        command.run("x")
    assert time.monotonic() - began < 0.2
    assert any("too slow" in sentence for sentence in said)
    command.close()
    assert time.monotonic() - began < 2
    assert "left running" in said[-1]
    wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_in_a_hurry_nothing_is_waited_for(said):
    command = AlertCommand(script("import time; time.sleep(3)"), said.append, patience_s=60)
    command.run("x")
    command.hurry()
    began = time.monotonic()
    command.close()
    assert time.monotonic() - began < 2


def test_the_alarm_tells_everybody(turn, tmp_path, said):
    command = AlertCommand(append_to(tmp_path / "out"), said.append, patience_s=20)
    alerts = []
    alarm = Alarm([parse("angry>0.4")], alerts.append, [command.run])
    alarm.check(turn(turn=5))
    command.close()
    (alert,) = alerts
    assert (alert.turn, alert.time_s, alert.channel, alert.speaker) == (5, 2.5, 1, "customer")
    assert (alert.emotion, alert.probability) == ("angry", 0.5)
    given = json.loads((tmp_path / "out").read_text())
    assert (given["turn"], given["p_angry"], given["alert"]) == (5, 0.5, "angry>0.4")
    assert given["transcript"] == "where is it"
