"""Every input from outside, damaged at random: taken, or refused in a sentence. `./scripts/soak` tries many more."""

import pytest
from damage import Damage, damaged, some_damage
from fuzzing import MOST_GROWTH_MB, TARGETS, attacked
from hypothesis import given

CASES = {"audio": 1_000, "pcm": 400, "timelines": 400, "checkpoints": 100}
CASES |= {"segmenter": 30, "replays": 15, "lists": 200}
"""So many that all take about a minute."""


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_what_comes_from_outside_is_taken_or_refused_in_a_sentence(target):
    found = attacked(target, CASES[target])
    assert found.fault == ""
    assert found.cases >= CASES[target]
    assert found.taken > 0
    assert found.refused > 0 or target == "segmenter"  # it takes any sound
    # Each replay loads a model and starts threads, whose heaps take some rounds to settle.
    assert found.growth_mb < (2 * MOST_GROWTH_MB if target == "replays" else MOST_GROWTH_MB)


@given(some_damage)
def test_damage_is_the_same_whenever_it_is_done(damages):
    data = bytes(range(200))
    assert damaged(data, damages) == damaged(data, damages)


def test_damages_do_what_they_are_called():
    data = b"0123456789"
    assert Damage("flip", 2, 0, b"").inflict(data) == b"0133456789"
    assert Damage("overwrite", 2, 0, b"ab").inflict(data) == b"01ab456789"
    assert Damage("insert", 2, 0, b"ab").inflict(data) == b"01ab23456789"
    assert Damage("delete", 2, 3, b"").inflict(data) == b"0156789"
    assert Damage("repeat", 2, 3, b"").inflict(data) == b"0123423456789"
    assert Damage("truncate", 2, 0, b"").inflict(data) == b"01"
