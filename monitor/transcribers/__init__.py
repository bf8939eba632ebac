"""Transcribers (speech recognisers): the protocol `Transcriber`, one that does nothing, and a module for each other."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.flow import Transcript


class TranscriptionStream(Protocol):
    """One utterance being transcribed. It is used by one thread at a time."""

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece: float32 [n] in −1…1, 16 kHz."""

    def partial(self) -> str:
        """Return the words so far; they may still change."""

    def finish(self) -> Transcript | None:
        """End the utterance: its words, timed from the start of the recording, or `None` without a transcriber."""


class Transcriber(Protocol):
    """Transcribes the utterances of all channels; its name is shown to the user."""

    name: str

    def listen(self, start_s: float) -> TranscriptionStream:
        """Begin an utterance that starts at `start_s` seconds of the recording. May be called from any thread."""


class NoTranscriber:
    """Transcribes nothing, at no cost; every utterance's stream as well."""

    name = "none"

    def listen(self, start_s: float) -> "NoTranscriber":
        """Begin an utterance."""
        return self

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece."""

    def partial(self) -> str:
        """No words."""
        return ""

    def finish(self) -> None:
        """No transcript."""
