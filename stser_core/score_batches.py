"""Which utterances are scored together."""

from __future__ import annotations

from collections.abc import Sequence

from stser_core.audio import SAMPLE_RATE
from stser_core.scores import Spoken

LIMITS = {"cpu": (0.0, 1), "cuda": (240.0, 256), "mps": (60.0, 64)}
"""How many seconds of sound, padding included, and how many utterances one batch holds. A CPU gains nothing from
batches (a lone utterance already fills it), and alone, an utterance's scores are the same to the last bit whatever it
is scored with."""


def batches(order: Sequence[int], utterances: Sequence[Spoken], accelerator: str) -> list[list[int]]:
    """Groups of utterances, in the order given.

    Args:
        order: Places of those that are to be scored.
        utterances: All of them.
        accelerator: `cpu`, `cuda` or `mps`.

    Returns:
        Places, within the accelerator's limits; only a lone utterance may be longer with its padding.
    """
    seconds, most = LIMITS[accelerator]
    groups: list[list[int]] = []
    longest = 0
    for i in order:
        length = len(utterances[i].samples)
        padded = max(longest, length) * (len(groups[-1]) + 1) if groups else 0
        if not groups or len(groups[-1]) == most or padded > seconds * SAMPLE_RATE:
            groups.append([])
            longest = 0
        groups[-1].append(i)
        longest = max(longest, length)
    return groups


def by_length(chosen: Sequence[int], utterances: Sequence[Spoken]) -> list[int]:
    """Longest first, so that those of similar length are padded together."""
    return sorted(chosen, key=lambda i: -len(utterances[i].samples))
