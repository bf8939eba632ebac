"""No transcript: only the speech classifier answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoTranscriber:
    """Transcribes nothing, at no cost."""

    name = "none"

    def listen(self, start_s: float) -> _NoStream:
        """Begin an utterance."""
        return _NoStream()


class _NoStream:
    def feed(self, samples: NDArray[np.float32]) -> None:
        pass

    def partial(self) -> str:
        return ""

    def finish(self) -> None:
        return None
