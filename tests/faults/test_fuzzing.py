"""Every input from outside, damaged at random: taken, or refused in a sentence. `./scripts/soak` tries many more."""

import pytest
from fuzzing import MOST_GROWTH_MB, TARGETS, attacked

CASES = {"audio": 500, "pcm": 200, "timelines": 200, "checkpoints": 50}
CASES |= {"replays": 15, "lists": 100}
"""So many that all take half a minute."""


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_what_comes_from_outside_is_taken_or_refused_in_a_sentence(target):
    found = attacked(target, CASES[target])
    assert found.fault == ""
    assert found.cases >= CASES[target]
    assert found.taken > 0
    assert found.refused > 0
    # Each replay loads a model and starts threads, whose heaps take some rounds to settle.
    assert found.growth_mb < (2 * MOST_GROWTH_MB if target == "replays" else MOST_GROWTH_MB)
