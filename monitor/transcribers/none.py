"""No transcript: the emotion is told from the voice alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoTranscriber:
    """Understands nothing, at no cost."""

    name = "none"

    def listen(self, start_s: float) -> _Deaf:
        """Begin an utterance."""
        return _Deaf()


class _Deaf:
    def feed(self, samples: NDArray[np.float32]) -> None:
        pass

    def partial(self) -> str:
        return ""

    def finish(self) -> None:
        return None
