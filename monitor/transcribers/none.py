"""No transcript: only the speech classifier answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoTranscriber:
    """Transcribes nothing, at no cost; every utterance's stream as well."""

    name = "none"

    def listen(self, start_s: float) -> NoTranscriber:
        """Begin an utterance."""
        return self

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece."""

    def partial(self) -> str:
        """No words."""
        return ""

    def finish(self) -> None:
        """No transcript."""
