"""One answer out of several: the mean of the classifiers' probabilities, voice and words joined before it.

The paper takes the plain mean of its three classifiers (ensemble learning, section 3.3). A mean takes emotional words
in a calm voice for half an emotion, however clear both are; so a checkpoint may say how voice and words go together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stser_core.emotions import LABELS
from stser_core.scores import ENSEMBLE, company

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = "text"
_NEUTRAL = LABELS.index("neutral")
_LEAST = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Joining:
    """How often only one of voice and words carries an emotion, for each time that both carry it.

    Voice and words are judged apart from each other, so Bayes' rule makes one answer of both: with the shares v of the
    voice and w of the words, an emotion e has v_e · w_e + text_neutral · v_e · w_neutral + voice_neutral · v_neutral ·
    w_e, and neutral has v_neutral · w_neutral, all divided by their sum.

    Attributes:
        text_neutral: The voice carries the emotion, the words say nothing; 0 or more.
        voice_neutral: The words carry it, in a neutral voice; 0 or more.
    """

    text_neutral: float
    voice_neutral: float

    def joined(self, voice: NDArray[np.floating], words: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probabilities, float [..., labels], that follow from those of the voice and of the words."""
        calm_voice, calm_words = (one[..., _NEUTRAL, None] for one in (voice, words))
        either = self.text_neutral * voice * calm_words + self.voice_neutral * calm_voice * words
        either[..., _NEUTRAL] = 0
        joined = np.maximum(voice * words + either, _LEAST)
        together: NDArray[np.floating] = joined / joined.sum(axis=-1, keepdims=True)
        return together


@dataclass(frozen=True)
class Ensemble:
    """How the answers of classifiers and members become one.

    Attributes:
        weights: How much each counts, by name; 1 where nothing is said.
        temperatures: By which the mean of several is calibrated, by `scores.company`; under `ensemble` that of
            companies of which nothing is said.
        joining: How voice and words go together; `None` for the mean alone.
        voices: Who judges the voice alone.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    joining: Joining | None = None
    voices: Collection[str] = ("speech",)

    def answer(self, shares: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
        """The calibrated answer of all.

        The mean of opinions that are each calibrated is less sure than it may be (Ranjan and Gneiting 2010,
        https://doi.org/10.1111/j.1467-9868.2009.00726.x): a temperature below 1 makes it surer; the order of labels
        stays.

        Args:
            shares: The calibrated probabilities of each, by name, float [..., labels]; one or more.

        Returns:
            Float [..., labels].
        """
        mean = self.mean(shares)
        if len(shares) == 1:
            return mean
        temperature = self.temperatures.get(company(shares), self.temperatures.get(ENSEMBLE, 1.0))
        surer = np.maximum(mean, _LEAST) ** (1 / temperature)
        tempered: NDArray[np.floating] = surer / surer.sum(axis=-1, keepdims=True)
        return tempered

    def mean(self, shares: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
        """The mean of all, not yet calibrated; see `answer`.

        Where voice and words are joined, the joined answer stands for each of those who judge the one or the other.
        """
        counts = [self.weights.get(name, 1.0) for name in shares]
        mean: NDArray[np.floating] = np.average(list(self._joined(shares).values()), axis=0, weights=counts)
        return mean

    def _joined(self, shares: Mapping[str, NDArray[np.floating]]) -> Mapping[str, NDArray[np.floating]]:
        voice = {name: one for name, one in shares.items() if name in self.voices}
        if self.joining is None or not voice or _WORDS not in shares:
            return shares
        joined = self.joining.joined(self.answer(voice), shares[_WORDS])
        return {name: joined if name in voice or name == _WORDS else one for name, one in shares.items()}
