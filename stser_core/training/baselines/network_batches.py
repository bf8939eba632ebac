"""Batches of the two baseline networks: log-mel frames, numbered words and a prosodic vector, padded into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stser_core.audio import SAMPLE_RATE
from stser_core.config import FeatureConfig
from stser_core.features import LogMel, pad
from stser_core.training.baselines.usable import targets
from stser_core.training.baselines.words import Vocabulary
from stser_core.training.clip import Clip
from stser_core.training.sound_cache import SoundCache

FEATURES = FeatureConfig(mel_bands=40, hop_ms=20.0)
"""Half as many frames as the usual step of 10 ms makes: a recurrent encoder's time is in their number."""

_LONGEST = 15 * SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class NetworkBatch:
    """A padded batch of clips.

    Attributes:
        sound: float32 [batch, frames, bands], log-mel.
        frames: int64 [batch], frames of each clip.
        words: int64 [batch, words].
        counts: int64 [batch], words of each clip.
        prosody: float32 [batch, n], standardised; n is 0 where the network uses none.
    """

    sound: Tensor
    frames: Tensor
    words: Tensor
    counts: Tensor
    prosody: Tensor


class NetworkCollator:
    """Puts examples into a batch."""

    def __init__(self, vocabulary: Vocabulary, prosody: Mapping[str, NDArray[np.float32]] | None = None) -> None:
        """Prepare.

        `prosody`: A vector for each clip, by the clip's id; `None` for none.
        """
        self._vocabulary = vocabulary
        self._prosody = prosody
        self._logmel = LogMel(FEATURES)

    @torch.no_grad()
    def __call__(self, clips: Sequence[Clip], sounds: SoundCache) -> dict[str, Tensor]:
        """Make a batch; only the first 15 s of a sound are used.

        Returns the fields of `NetworkBatch`, and `labels` int64 [batch].
        """
        spectrograms, frames = self._logmel(*pad([sounds.samples(clip)[:_LONGEST] for clip in clips]))
        words, counts = self._vocabulary([clip.text or "" for clip in clips])
        prosody = np.zeros((len(clips), 0), dtype=np.float32)
        if self._prosody is not None:
            prosody = np.stack([self._prosody[clip.id] for clip in clips])
        return {
            "sound": spectrograms.transpose(1, 2),
            "frames": frames,
            "words": words,
            "counts": counts,
            "prosody": torch.from_numpy(prosody),
            "labels": torch.from_numpy(targets(clips)),
        }
