"""What an encoder outside the model made of an utterance: plain frozen data, importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Encoding:
    """An utterance as an encoder that the model does not hold sees it, a speech recogniser's say.

    Attributes:
        encoder: The encoder's name, such as `whisper-base`; a member of the ensemble asks for it by this name.
        vector: float32 [n]: its output, pooled over time.
    """

    encoder: str
    vector: NDArray[np.float32]
