"""Input and output of the recognizer: plain frozen data, importable without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from numbers import Real
from typing import TYPE_CHECKING

from stser_core.config import SAMPLE_RATE
from stser_core.emotions import LABELS
from stser_core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core.audio_file import AudioFile
    from stser_core.speaker_baseline import SpeakerBaseline

CLASSIFIERS: tuple[str, ...] = ("speech", "text", "bimodal")
"""The paper's three classifiers (section 3), in the order in which they are listed everywhere."""

ENSEMBLE = "ensemble"
_HIGHEST_PEAK = 100.0  # far above what exceeds −1…1 a little, far below integers that were not scaled


@dataclass(frozen=True, eq=False)
class SpeechInput:
    """One utterance as the recognizer takes it.

    `SpeechInput(samples, sample_rate=8_000)` resamples to 16 kHz; `from_file` decodes a file.

    Attributes:
        samples: float32 [n] in −1…1, 16 kHz mono, all finite; empty where there is only text, or where `frames` are
            given.
        text: Its transcript; `None` where nothing was transcribed.
        text_confidence: The transcriber's confidence in 0…1; `None` where it gives none.
        speaker: The running baseline of the speaker; `None`: the global neutral mean is used.
        frames: float16 or float32 [n, size], what the recognizer's `frames` gives for the samples, where that is known
            already.

    Raises:
        UsageError: The samples are not finite float32 [n] with a peak up to 100, the text or the speaker has another
            type, or the rate is not within 1000 and 768000 Hz.
    """

    samples: NDArray[np.float32]
    text: str | None = None
    text_confidence: float | None = None
    speaker: SpeakerBaseline | None = None
    frames: NDArray[np.floating] | None = None
    sample_rate: InitVar[int] = SAMPLE_RATE

    @classmethod
    def from_file(
        cls, file: AudioFile, *, text: str | None = None, speaker: SpeakerBaseline | None = None
    ) -> SpeechInput:
        """A file or open file of any format that FFmpeg reads, its channels mixed; raises `AudioError` for others."""
        from stser_core.audio import load_mono

        return cls(load_mono(file), text, speaker=speaker)

    def __post_init__(self, sample_rate: int) -> None:
        import numpy as np

        from stser_core.speaker_baseline import SpeakerBaseline

        samples: object = self.samples
        if not isinstance(samples, np.ndarray):
            raise UsageError(f"An utterance's samples must be a NumPy array; these are {type(samples).__name__}.")
        if samples.dtype != np.float32 or samples.ndim != 1:
            given = f"{samples.dtype} {list(samples.shape)}"
            raise UsageError(f"An utterance's samples must be float32 [n] in −1…1, 16 kHz mono; these are {given}.")
        if not np.isfinite(samples).all():
            raise UsageError("An utterance's samples must be finite; some of these are NaN or infinite.")
        if (peak := max(samples.max(initial=0), -samples.min(initial=0))) > _HIGHEST_PEAK:
            raise UsageError(f"An utterance's samples must be in −1…1; these have a peak of {peak:g}.")
        if not isinstance(self.text, str | None):
            raise UsageError(f"An utterance's text must be a str or None; this is {type(self.text).__name__}.")
        if not isinstance(self.speaker, SpeakerBaseline | None):
            given = type(self.speaker).__name__
            raise UsageError(f"An utterance's speaker must be a SpeakerBaseline or None; this is {given}.")
        if sample_rate != SAMPLE_RATE:
            from stser_core.audio import resampled

            if not isinstance(sample_rate, Real) or not 1_000 <= sample_rate <= 768_000:
                raise UsageError(
                    f"An utterance's sample rate must be a number of Hz within 1000 and 768000; it is {sample_rate!r}."
                )
            object.__setattr__(self, "samples", resampled(samples, sample_rate))


@dataclass(frozen=True)
class EmotionScores:
    """Class probabilities of one utterance.

    Attributes:
        by_classifier: Probabilities in the order of `LABELS` for each classifier that could answer. A classifier
            without its input (a transcript, say) is absent.
        ensemble: The combined probabilities of these classifiers (see `ensemble.combine`).
        salience: Proportion of the speech encoder's self-attention on each 100 ms of the utterance (sums to 1);
            `None` where it was not asked for.
        calibrated: Whether the checkpoint holds a temperature for the combination of classifiers that answered.
    """

    by_classifier: Mapping[str, tuple[float, ...]]
    ensemble: tuple[float, ...]
    salience: tuple[float, ...] | None = None
    calibrated: bool = True

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return _most_probable(self.ensemble)

    @property
    def confidence(self) -> float:
        """The most probable emotion's probability."""
        return max(self.ensemble)

    def emotion_of(self, classifier: str) -> str | None:
        """The most probable emotion according to one classifier; `None` where it did not answer."""
        probabilities = self.by_classifier.get(classifier)
        return None if probabilities is None else _most_probable(probabilities)


def _most_probable(probabilities: tuple[float, ...]) -> str:
    return LABELS[max(range(len(LABELS)), key=probabilities.__getitem__)]
