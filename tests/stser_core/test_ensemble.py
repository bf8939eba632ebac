"""Several answers become one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from stser_core.emotions import LABELS
from stser_core.ensemble import Ensemble, Joining
from stser_core.training.metrics import calibration_error, measure

COUNT = 20_000
JOINING = Joining(text_neutral=0.3, voice_neutral=0.7)

SURELY_CALM = np.array([0.02, 0.02, 0.94, 0.02])
SURELY_ANGRY = np.array([0.94, 0.02, 0.02, 0.02])


def shares(**by_name: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(of) for name, of in by_name.items()}


def test_without_a_joining_the_answer_is_the_papers_plain_mean():
    members = shares(speech=[1, 0, 0, 0], text=[0, 0.5, 0.5, 0], bimodal=[0.2, 0.4, 0.1, 0.3])

    assert Ensemble().answer(members) == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_who_counts_more_counts_more():
    members = shares(speech=[1, 0, 0, 0], text=[0, 1, 0, 0])

    assert Ensemble({"speech": 3}).answer(members) == pytest.approx([0.75, 0.25, 0, 0])


def test_a_company_s_own_temperature_comes_before_the_usual_one_and_who_is_alone_needs_none():
    ensemble = Ensemble(temperatures={"ensemble": 0.5, "speech+pitch": 2.0, "speech": 9.0})
    half, other = [0.8, 0.2, 0, 0], [0.6, 0.4, 0, 0]

    usual = ensemble.answer(shares(speech=half, text=other))
    own = ensemble.answer(shares(speech=half, pitch=other))

    assert usual[:2] == pytest.approx([0.49 / 0.58, 0.09 / 0.58])
    assert own[0] == pytest.approx(0.7**0.5 / (0.7**0.5 + 0.3**0.5))
    assert ensemble.answer(shares(speech=half)).tolist() == half


def test_what_is_joined_follows_from_bayes_rule(spoken_world):
    """Each way in which a mood can come about, with how often it does and how likely it lets be heard and read that."""
    world = spoken_world(JOINING, 200)
    heard, read = (softmax(one, axis=1) for one in (world.heard, world.read))
    neutral = LABELS.index("neutral")
    ways = [(e, e, e, 1.0) for e in range(4)]
    ways += [(e, e, neutral, JOINING.text_neutral) for e in range(4) if e != neutral]
    ways += [(e, neutral, e, JOINING.voice_neutral) for e in range(4) if e != neutral]
    wanted = np.zeros((200, 4))
    for answer, voice, words, often in ways:
        wanted[:, answer] += often * heard[:, voice] * read[:, words]

    joined = JOINING.joined(heard, read)

    assert joined == pytest.approx(wanted / wanted.sum(axis=1, keepdims=True))


def test_where_one_of_both_is_neutral_the_joined_answer_is_righter_and_knows_how_right(spoken_world):
    world = spoken_world(JOINING, COUNT)
    answers = {"speech": softmax(world.heard, axis=1), "text": softmax(world.read, axis=1)}

    joined, mean = (one.answer(answers) for one in (Ensemble(joining=JOINING), Ensemble()))

    assert measure(world.answer, joined).wa > measure(world.answer, mean).wa + 0.03
    assert calibration_error(world.answer, joined) < 0.02 < 0.05 < calibration_error(world.answer, mean)


@pytest.mark.parametrize(("voice", "words"), [(SURELY_ANGRY, SURELY_CALM), (SURELY_CALM, SURELY_ANGRY)])
def test_a_clear_emotion_beside_clear_calm_stays_one(voice, words):
    members = {"speech": voice, "text": words}

    assert LABELS[Ensemble(joining=JOINING).answer(members).argmax()] == "angry"
    assert Ensemble().answer(members)[[0, 2]] == pytest.approx([0.48, 0.48])


def test_the_voice_is_joined_as_all_who_hear_it_judge_it_and_who_hears_and_reads_is_averaged_with_that():
    ensemble = Ensemble({"pitch": 2, "bimodal": 4}, {"speech+pitch": 0.5}, joining=JOINING, voices=("speech", "pitch"))
    members = shares(
        speech=[0.7, 0.1, 0.1, 0.1], text=[0.1, 0.2, 0.6, 0.1], bimodal=[0.25] * 4, pitch=[0.4, 0.2, 0.3, 0.1]
    )

    voice = ensemble.answer({name: members[name] for name in ("speech", "pitch")})
    joined = JOINING.joined(voice, members["text"])

    assert ensemble.mean(members) == pytest.approx((4 * joined + 4 * members["bimodal"]) / 8)


@pytest.mark.parametrize("names", [("speech", "pitch"), ("text", "bimodal"), ("speech", "bimodal"), ("text",)])
def test_where_the_one_or_the_other_is_missing_nothing_is_joined(names):
    members = {name: softmax(np.arange(4.0) * i) for i, name in enumerate(names)}
    ensemble = Ensemble(joining=JOINING, voices=("speech", "pitch"))

    assert ensemble.answer(members) == pytest.approx(np.mean(list(members.values()), axis=0))


def test_certainty_that_contradicts_itself_is_no_division_by_zero():
    members = shares(speech=[1, 0, 0, 0], text=[0, 1, 0, 0])

    with np.errstate(all="raise"):
        answer = Ensemble(joining=JOINING, temperatures={"ensemble": 0.5}).answer(members)

    assert answer.sum() == pytest.approx(1)
