"""How long a recording is, where its file announces one length and another was heard."""

from __future__ import annotations

# Lengths of compressed files are often estimates; less than this is no sign of anything.
_TOLERATED_LOSS_S = 1.0
_TOLERATED_LOSS = 0.02


def ends_early(announced_s: float, heard_s: float) -> bool:
    """Whether a file holds less than it announces: it was cut off, perhaps while it was copied."""
    return announced_s - heard_s > max(_TOLERATED_LOSS_S, _TOLERATED_LOSS * announced_s)


def length_s(announced_s: float | None, heard_s: float) -> float:
    """The length that figures are made of: what was never heard is no silence.

    Args:
        announced_s: What the file says, in seconds, or `None` where it says nothing or only estimates.
        heard_s: How far it could be decoded, in seconds.
    """
    return heard_s if not announced_s or ends_early(announced_s, heard_s) else max(announced_s, heard_s)
