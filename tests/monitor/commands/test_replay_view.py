import pytest

from monitor.commands.replay_view import Manner, manner


@pytest.mark.parametrize(
    ("quiet", "results_on_stdout", "terminal", "expected"),
    [
        (False, False, True, Manner.LIVE),
        (False, False, False, Manner.LINES),
        (False, True, False, Manner.LINES),
        (False, True, True, Manner.NOTHING),
        (True, False, True, Manner.NOTHING),
        (True, True, False, Manner.NOTHING),
    ],
)
def test_how_a_replay_shows_itself(quiet, results_on_stdout, terminal, expected):
    assert manner(quiet=quiet, results_on_stdout=results_on_stdout, terminal=terminal) is expected
