"""Further encoders, beside the model's own smodel and tmodel: the protocol, and the registry for other packages.

A package registers an encoder type as an entry point of the group `stser_core.encoders`
(https://packaging.python.org/en/latest/specifications/entry-points/): a factory that is called with the encoder's
name in the checkpoint, its settings in `config.json`, and its own tensors, on the CPU. `hub` is the program's own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stser_core.errors import CheckpointError, StserError, reason

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.config import EncoderEntry
    from stser_core.scores import SpeechInput

GROUP = "stser_core.encoders"
HUB = "hub"


class Encoder(Protocol):
    """Utterances to vectors that classifiers read."""

    name: str  # as the checkpoint calls it
    vector_size: int  # length of its vectors

    def encode(self, inputs: Sequence[SpeechInput]) -> Sequence[Tensor | NDArray[np.float32] | None]:
        """Encode one utterance or more, in the order in which they were said.

        Their `text` is `None` without a usable transcript. Gives a float32 [vector_size] for each, a tensor on any
        device or an array; `None` where it lacks what the encoder needs.
        """

    def to(self, accelerator: str) -> None:
        """Move to `cpu`, `cuda` or `mps`; called once, before the first `encode`."""


def load(name: str, entry: EncoderEntry, weights: Mapping[str, Tensor]) -> Encoder:
    """Make a checkpoint's further encoder, by its name, its entry in `config.json`, and its own tensors.

    An entry of vector size 0 does not know it yet. Raises `CheckpointError` where no installed package provides its
    type, several do, or its settings or tensors do not fit.
    """
    with _reported(f"The encoder {name!r} could not be made"):
        encoder = _factory(name, entry)(name, dict(entry.settings), weights)
    if entry.vector_size not in (0, encoder.vector_size):
        raise CheckpointError(
            f"The checkpoint's encoder {name!r} should give vectors of {entry.vector_size:,} values; its type "
            f"{entry.type!r} gives {encoder.vector_size:,}."
        )
    return encoder


def encode(encoder: Encoder, inputs: Sequence[SpeechInput]) -> list[NDArray[np.float32] | None]:
    """Call a further encoder: float32 [vector_size] or `None` for each input; `CheckpointError` for all else."""
    with _reported(f"The encoder {encoder.name!r} failed"):
        vectors = [
            one if one is None or isinstance(one, np.ndarray) else one.detach().float().cpu().numpy()
            for one in encoder.encode(inputs)
        ]
    fits = (one is None or (one.shape == (encoder.vector_size,) and np.isfinite(one).all()) for one in vectors)
    if len(vectors) != len(inputs) or not all(fits):
        raise CheckpointError(f"The encoder {encoder.name!r} did not give each utterance a finite vector of its size.")
    return vectors


def _factory(name: str, entry: EncoderEntry) -> Callable[[str, dict[str, Any], Mapping[str, Tensor]], Encoder]:
    if entry.type == HUB:
        from stser_core.encoders.hub import HubEncoder

        return HubEncoder
    found = tuple(entry_points(group=GROUP, name=entry.type))
    if not found:
        install = f"install {entry.package}" if entry.package else "install the package that provides it"
        raise CheckpointError(
            f"The checkpoint's encoder {name!r} has the type {entry.type!r}, which no installed package provides; "
            f"{install}, or choose classifiers without it."
        )
    if len(places := {one.value for one in found}) > 1:
        several = ", ".join(sorted(places))
        raise CheckpointError(f"Several packages provide the encoder type {entry.type!r} ({several}); keep one.")
    with _reported(f"The encoder type {entry.type!r}, which is {found[0].value}, could not be loaded"):
        factory: Callable[..., Encoder] = found[0].load()
    return factory


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Say what could not be done, by a `CheckpointError`: another package's code may fail in any way."""
    try:
        yield
    except StserError:
        raise
    except Exception as error:
        raise CheckpointError(f"{what} ({reason(error)}).") from error
