import pytest

from monitor.alerts.alarm import Alarm
from monitor.alerts.rules import Rule, parse, require_speakers
from monitor.roles import Role
from stser_core.errors import UsageError
from stser_core.scores import EmotionScores


def scores(angry):
    rest = (1 - angry) / 3
    return EmotionScores({"speech": (angry, rest, rest, rest)}, (angry, rest, rest, rest))


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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("angry", "cannot be read"),
        ("angry<0.2", "cannot be read"),
        ("angry>0.7 for two turns", "cannot be read"),
        ("angry>0.7 and sad>0.1", "cannot be read"),
        (": angry>0.7", "cannot be read"),
        ("angry>70%", "cannot be read"),
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


def rings(rules, turns):
    return [(alert.turn, alert.rule) for alert in alerts(rules, turns)]


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
    assert rings([rule], talk) == [(place, rule) for place in turns]


def test_an_alert_and_its_row_say_the_same(turn):
    unequal = EmotionScores({}, (0.46984, 0.17672, 0.17672, 0.17672))  # rounded each by itself, they sum to 0.9999
    heard = turn(scores=unequal)
    printed = heard.probabilities[0]
    (alert,) = alerts(["angry>=0.4699"], [heard])
    assert alert.probability == printed == 0.4699
    assert rings(["angry>0.4699"], [heard]) == []


def test_each_speaker_is_counted_alone(turn):
    turns = [
        turn(turn=1, channel=1, speaker="customer", scores=scores(0.8)),
        turn(turn=2, channel=2, speaker="friend", scores=scores(0.8)),
        turn(turn=3, channel=1, speaker="customer", scores=scores(0.8)),
    ]
    assert rings(["angry>0.7 for 2 turns"], turns) == [(3, "angry>0.7 for 2 turns")]
    assert rings(["friend: angry>0.7"], turns) == [(2, "friend: angry>0.7")]
