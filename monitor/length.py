"""The length of a recording, from the length that its file announces and the length that was decoded."""

# Lengths of compressed files are often estimates; smaller differences mean nothing.
_TOLERATED_LOSS_S = 1.0
_TOLERATED_LOSS = 0.02
_TOLERATED_LOSS_OF_EXACT_S = 0.1
"""Some recorders count a header's bytes as sound."""


def ends_early(announced_s: float, decoded_s: float, *, exact: bool = False) -> bool:
    """Whether a file holds less than it announces, a number of samples (`exact`), or what may be rounded or estimated.

    If so, it was cut off, perhaps while it was copied.
    """
    tolerated_s = _TOLERATED_LOSS_OF_EXACT_S if exact else max(_TOLERATED_LOSS_S, _TOLERATED_LOSS * announced_s)
    return announced_s - decoded_s > tolerated_s


def length_s(announced_s: float | None, decoded_s: float) -> float:
    """The length for the metrics: a part that could not be decoded is not silence.

    Args:
        announced_s: What the file says, in seconds, or `None` where it says nothing or only estimates.
        decoded_s: The part that could be decoded, in seconds.
    """
    return decoded_s if not announced_s or ends_early(announced_s, decoded_s) else max(announced_s, decoded_s)
