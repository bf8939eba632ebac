"""The accelerator of a model, and the batches of utterances that run on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stser_core.config import SAMPLE_RATE
from stser_core.errors import DeviceError, UsageError

LIMITS = {"cpu": (0.0, 1), "cuda": (240.0, 256), "mps": (60.0, 64)}
"""Seconds of sound, padding included, and utterances in one batch. A CPU gains nothing from batches (one utterance
fills it), and by itself an utterance has the same scores to the last bit whatever it is scored with."""


def accelerator_of(name: str) -> str:
    """Resolve `auto`, and check that an accelerator is there.

    Raises:
        UsageError: The name is unknown.
        DeviceError: This machine has none.
    """
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(one for one in ("cuda", "mps", "cpu") if there[one])
    if name not in there:
        raise UsageError(f"Unknown accelerator {name!r}; choose from auto, {', '.join(there)}.")
    if not there[name]:
        raise DeviceError(f"This machine has no {name} accelerator that torch can use; try --accelerator cpu.")
    return name


def batches(order: Sequence[int], accelerator: str, length: Callable[[int], int] | None = None) -> list[list[int]]:
    """Groups of utterances in the order given, within the accelerator's limits.

    Args:
        order: Their places.
        accelerator: `cpu`, `cuda` or `mps`.
        length: Samples of an utterance by its place; without it only their number is limited.
    """
    seconds, most = LIMITS[accelerator]
    groups: list[list[int]] = []
    longest = 0
    for i in order:
        samples = 0 if length is None else length(i)
        padded = max(longest, samples) * (len(groups[-1]) + 1) if groups else 0
        if not groups or len(groups[-1]) == most or padded > seconds * SAMPLE_RATE:
            groups.append([])
            longest = 0
        groups[-1].append(i)
        longest = max(longest, samples)
    return groups
