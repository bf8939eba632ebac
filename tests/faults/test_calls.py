"""Many calls at once while some of them, and the server, die (scripts/soak does it for minutes)."""

import pytest

pytestmark = pytest.mark.slow


def test_no_finished_turn_is_lost_and_no_other_call_disturbed(scratch_checkpoint):
    pytest.importorskip("starlette")
    from calls import endure

    found = endure(30.0, arguments=("--asr", "none", "--checkpoint", str(scratch_checkpoint)))
    assert found.faults == []
    assert found.told > 50
    assert found.refused > 10
