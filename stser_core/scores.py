"""What goes into the recognizer and what comes out: plain frozen data, importable without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stser_core.emotions import LABELS
from stser_core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core.adaptation import Voice
    from stser_core.encoding import Encoding

CLASSIFIERS: tuple[str, ...] = ("speech", "text", "bimodal")
"""The paper's three classifiers (section 3), in the order in which they are listed everywhere."""

ENSEMBLE = "ensemble"


def company(classifiers: Iterable[str]) -> str:
    """Several classifiers that answer together, by one name: `speech+whisper`."""
    return "+".join(classifiers)


@dataclass(frozen=True, eq=False)
class Spoken:
    """One utterance as the recognizer takes it.

    Attributes:
        samples: float32 [n] in −1…1, 16 kHz mono, all of them finite; empty for words without sound.
        text: Its transcript, or `None` where nothing was transcribed.
        text_confidence: The transcriber's confidence in 0…1, or `None` where it gives none.
        encoding: What the transcriber's own encoder made of it, or `None` where it has none to give.
        voice: Whose it is, so that the recognizer gets used to the voice; `None` judges it by itself.

    Raises:
        UsageError: The samples are something else.
    """

    samples: NDArray[np.float32]
    text: str | None = None
    text_confidence: float | None = None
    encoding: Encoding | None = None
    voice: Voice | None = None

    def __post_init__(self) -> None:
        import numpy as np

        samples: object = self.samples
        if not isinstance(samples, np.ndarray):
            raise UsageError(
                f"An utterance's samples are a NumPy array, float32 [n]; these are {type(samples).__name__}."
            )
        if samples.dtype != np.float32 or samples.ndim != 1:
            given = f"{samples.dtype} {list(samples.shape)}"
            raise UsageError(f"An utterance's samples are float32 [n] in −1…1, 16 kHz mono; these are {given}.")
        if not np.isfinite(samples).all():
            raise UsageError("An utterance's samples are finite; among these are some that are no numbers or infinite.")


@dataclass(frozen=True)
class EmotionScores:
    """Class probabilities of one utterance.

    Attributes:
        by_classifier: Probabilities in the order of `LABELS`, for each classifier that could answer, the
            paper's three first, then the checkpoint's further members. One without its input (no transcript,
            say) is absent.
        ensemble: The one answer of the classifiers that were asked for and could answer (see `ensemble.Ensemble`).
        salience: Share of the speech model's self-attention on each 100 ms of the utterance (sums to 1), or
            `None` where it was not asked for.
    """

    by_classifier: Mapping[str, tuple[float, ...]]
    ensemble: tuple[float, ...]
    salience: tuple[float, ...] | None = None

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return _winner(self.ensemble)

    @property
    def confidence(self) -> float:
        """The winner's probability."""
        return max(self.ensemble)

    def emotion_of(self, classifier: str) -> str | None:
        """The emotion that one classifier would have chosen, or `None` where it did not answer."""
        probabilities = self.by_classifier.get(classifier)
        return None if probabilities is None else _winner(probabilities)


def _winner(probabilities: tuple[float, ...]) -> str:
    return LABELS[max(range(len(LABELS)), key=probabilities.__getitem__)]
