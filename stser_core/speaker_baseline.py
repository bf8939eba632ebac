"""Running neutral baseline of a speaker: what they sound like when neutral, estimated from past turns.

Speakers, microphones and lines differ more from each other than emotions do, so the baseline is subtracted from the
front end's frames (speaker normalisation). It is causal, and every turn counts as much as it was recognised as
neutral, so that somebody who is angry from the first word on does not become the norm (iterative feature
normalisation, Busso et al. 2011, https://doi.org/10.1109/ICASSP.2011.5947653). The global neutral mean counts as a
few turns ("pseudo-turns").
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class SpeakerBaseline:
    """Running neutral baseline of one speaker, or of a channel without diarization.

    Give the recognizer the utterances of a speaker in the order in which they were said, each with the same
    `SpeakerBaseline`. One thread uses it at a time. A `copy` of it, as for a provisional estimate, is independent.
    """

    def __init__(self) -> None:
        self.weight = 0.0  # accumulated, of past turns
        self._sum: Vector | None = None

    def mean(self, global_mean: Vector, pseudo_turns: float) -> Vector:
        """The current baseline, float32 [size]: (K·μ + Σ w·m) / (K + Σ w) over past turns of weight w and mean m.

        μ is the global mean, float32 [size], of neutral turns of all speakers, K the number of pseudo-turns.
        """
        if self._sum is None:
            return global_mean
        return (pseudo_turns * global_mean + self._sum) / (pseudo_turns + self.weight)

    def update(self, frame_mean: Vector, weight: float, memory: float) -> None:
        """Take a turn into account, with the mean of its frames, float32 [size], and a weight in 0…1.

        `memory` is the largest accumulated weight; beyond it older turns fade in proportion.
        """
        added = weight * frame_mean
        self._sum = added if self._sum is None else self._sum + added
        self.weight += weight
        if self.weight > memory:
            self._sum = self._sum * (memory / self.weight)
            self.weight = memory
