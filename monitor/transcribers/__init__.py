"""What turns speech into words: one protocol, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.flow import Transcript


class Listening(Protocol):
    """One utterance being listened to. It is used by one thread at a time."""

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Hear the next piece: float32 [n] in −1…1, 16 kHz."""
        ...

    def partial(self) -> str:
        """The words so far, as far as they can be told; may still change."""
        ...

    def finish(self) -> Transcript | None:
        """The utterance has ended: its words, timed from the start of the recording; `None` without a recogniser."""
        ...


class Transcriber(Protocol):
    """A speech recogniser, shared by all channels.

    Attributes:
        name: As shown to the user.
    """

    name: str

    def listen(self, start_s: float) -> Listening:
        """Begin an utterance that starts at `start_s` seconds of the recording. May be called from any thread."""
        ...
