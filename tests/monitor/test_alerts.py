"""Rules over turns, and the command that an alert runs."""

import json
import os
import sys
import time

import pytest
from waiting import wait_until

from monitor.alerts import Alarm, AlertCommand, Rule, command_words, parse, require_speakers
from monitor.roles import Role
from stser_core.errors import UsageError
from stser_core.scores import EmotionScores


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("angry>0.7", Rule("angry>0.7", "angry", 0.7)),
        (" Sad >= .5 for 3 turns ", Rule("Sad >= .5 for 3 turns", "sad", 0.5, reached=True, turns=3)),
        ("happy>0 for 1 turn", Rule("happy>0 for 1 turn", "happy", 0.0)),
        ("customer: angry>0.7", Rule("customer: angry>0.7", "angry", 0.7, speaker="customer")),
        ("Mr. X, left :sad>0.2", Rule("Mr. X, left :sad>0.2", "sad", 0.2, speaker="Mr. X, left")),
        ("sad>=1", Rule("sad>=1", "sad", 1.0, reached=True)),
    ],
)
def test_a_rule_is_read(text, rule):
    assert parse(text) == rule


UNREADABLE = ("", "angry", "angry<0.2", "angry>0.7 for two turns", "angry>0.7 and sad>0.1", ": angry>0.7", "angry>70%")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "cannot be read") for text in UNREADABLE),
        ("furious>0.7", "choose from angry, happy, neutral, sad"),
        ("angry>1", "above 1"),
        ("angry>=1.5", "above 1"),
        ("angry>0.5 for 0 turns", "1 or more"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_a_reason(text, why):
    with pytest.raises(UsageError, match=why):
        parse(text)


def test_a_rule_about_nobody_is_refused():
    there = [Role("Customer"), Role("agent", scored=False)]
    require_speakers([parse("angry>0.5"), parse("customer: sad>0.1")], there)
    require_speakers([parse("caller: angry>0.5")], there, others=True)
    with pytest.raises(UsageError, match="the speakers are Customer, agent"):
        require_speakers([parse("caller: angry>0.5")], there)
    for others in (True, False):
        with pytest.raises(UsageError, match="Agent is not scored"):
            require_speakers([parse("Agent: angry>0.5")], there, others=others)


def alerts(rules, turns):
    found = []
    alarm = Alarm([parse(rule) for rule in rules], found.append)
    for turn in turns:
        alarm.check(turn)
    return found


def scores(angry):
    rest = (1 - angry) / 3
    return EmotionScores({"speech": (angry, rest, rest, rest)}, (angry, rest, rest, rest))


@pytest.mark.parametrize(
    ("rule", "angry", "turns"),
    [
        ("angry>0.7 for 2 turns", (0.8, 0.9, 0.9, 0.9), [2]),
        ("angry>0.7", (0.8, 0.9, 0.2, 0.8), [1, 4]),
        ("angry>0.7 for 2 turns", (0.8, 0.1, 0.8, 0.1), []),
        ("angry>0.7 for 2 turns", (0.8, None, 0.8), [3]),  # a turn without scores says nothing either way
        ("angry>0.5", (0.5,), []),
        ("angry>=0.5", (0.5,), [1]),
    ],
)
def test_it_rings_when_the_count_is_full_and_again_after_a_turn_in_between(turn, rule, angry, turns):
    talk = [turn(turn=place, scores=one and scores(one)) for place, one in enumerate(angry, start=1)]
    assert [(alert.turn, alert.rule) for alert in alerts([rule], talk)] == [(place, rule) for place in turns]


def test_each_speaker_is_counted_alone(turn):
    speakers = (1, "customer"), (2, "friend"), (1, "customer")
    turns = [
        turn(turn=number, channel=channel, speaker=speaker, scores=scores(0.8))
        for number, (channel, speaker) in enumerate(speakers, start=1)
    ]
    assert [alert.turn for alert in alerts(["angry>0.7 for 2 turns"], turns)] == [3]
    assert [alert.turn for alert in alerts(["friend: angry>0.7"], turns)] == [2]


def test_an_alert_and_its_row_say_the_same(turn):
    unequal = EmotionScores({}, (0.46984, 0.17672, 0.17672, 0.17672))  # rounded each by itself, they sum to 0.9999
    heard = turn(scores=unequal)
    (alert,) = alerts(["angry>=0.4699", "angry>0.4699"], [heard])
    assert alert.probability == heard.probabilities[0] == 0.4699


def script(text):
    return [sys.executable, "-c", text]


def test_a_command_is_split_as_a_shell_would_and_never_run_by_one():
    assert command_words(f"'{sys.executable}' -c 'a b' $HOME;x") == [*script("a b"), "$HOME;x"]


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
def test_a_failure_is_said_and_does_not_end_anything(words, why):
    said = []
    command = AlertCommand(words, said.append, patience_s=20)
    command.run("x" * 1_000_000)  # which it never reads
    command.run("x")
    command.close()
    assert len(said) == 2
    assert why in said[0]


def test_one_that_hangs_holds_nothing_up_and_is_left_behind(tmp_path):
    said = []
    hanging = script(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    command = AlertCommand(hanging, said.append, patience_s=0.2)
    command.run("x")
    wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    began = time.monotonic()
    for _ in range(11):
        command.run("x")
    assert time.monotonic() - began < 0.2
    assert len(said) == 3  # of the alerts that were dropped; eight wait
    command.close()
    assert time.monotonic() - began < 2
    assert "8 alerts" in said[-1]
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_in_a_hurry_nothing_is_waited_for():
    command = AlertCommand(script("import time; time.sleep(3)"), [].append, patience_s=60)
    command.run("x")
    command.hurry()
    began = time.monotonic()
    command.close()
    assert time.monotonic() - began < 2


def test_the_alarm_tells_everybody(turn, tmp_path):
    out = tmp_path / "out"
    append = script(f"import sys; open({str(out)!r}, 'a').write(sys.stdin.read())")
    command = AlertCommand(append, pytest.fail, patience_s=20)
    alerts = []
    Alarm([parse("angry>0.4")], alerts.append, [command.run]).check(turn(turn=5))
    command.close()
    (alert,) = alerts
    assert (alert.turn, alert.time_s, alert.channel, alert.speaker) == (5, 2.5, 1, "customer")
    assert (alert.emotion, alert.probability) == ("angry", 0.5)
    given = json.loads(out.read_text())
    assert (given["turn"], given["p_angry"], given["alert"]) == (5, 0.5, "angry>0.4")
    assert given["transcript"] == "where is it"
