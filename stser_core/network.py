"""The model as the recognizer runs it: arrays in, arrays out, on an accelerator, in batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stser_core.config import SAMPLE_RATE
from stser_core.errors import DeviceError, UsageError

Floats = NDArray[np.floating]

LIMITS = {"cpu": (0.0, 1), "cuda": (240.0, 256), "mps": (60.0, 64)}
"""Seconds of sound, padding included, and utterances in one batch. A CPU gains nothing from batches (one utterance
fills it), and by itself an utterance has the same scores to the last bit whatever it is scored with."""


class Network(Protocol):
    """A model on an accelerator, for inference."""

    accelerator: str  # cpu, cuda or mps
    neutral_mean: Floats  # float32 [size], the mean front-end frame of neutral turns; zeros without a front end

    def encode_frames(self, waveforms: Sequence[Floats]) -> list[Floats]:
        """Frames of trimmed waveforms (float32 [n] in −1…1, 16 kHz): float32 [frames, size] each."""

    def encode_speech(
        self, frames: Sequence[Floats], baseline: Floats, *, salience: bool
    ) -> tuple[Floats, Floats | None]:
        """Speech vectors, float32 [batch, vector], of a batch of frames, float16 or float32 [n, size] each.

        The baseline, float32 [size], is their speaker's, or `neutral_mean`; it is ignored without a front end. With
        `salience`, also return where the attention rests, float32 [batch, steps].
        """

    def encode_text(self, pieces: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        """Text vectors, float32 [batch, vector], of piece ids and their mask, int64 [batch, n] each."""

    def classify(self, vectors: Mapping[str, Floats]) -> dict[str, Floats]:
        """Logits, float32 [batch, labels], of every classifier whose encoders' vectors, [batch, vector], are there."""


def accelerator_of(name: str) -> str:
    """Resolve `auto`, and check that an accelerator is there.

    Raises `UsageError` for an unknown name, and `DeviceError` where this machine has none.
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
    """Group utterances, by their places in the order given, within the accelerator's limits.

    `length` gives an utterance's samples by its place; without it only their number is limited.
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
