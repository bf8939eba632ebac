"""Clips as the recognizer takes them, each recording encoded by the front end once and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stser_core.audio import load_mono
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import CLASSIFIERS, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.training.augmentation import telephone_band
from stser_core.training.clip import Clip
from stser_core.training.progress import progress

Sound = NDArray[np.float32]


Band = Literal["wide", "telephone"]

BANDS: tuple[Band, ...] = ("wide", "telephone")

_CHUNK = 64
_NO_SOUND = np.zeros(0, dtype=np.float32)


class SpeechInputs:
    """Makes the recognizer's inputs of clips.

    Attributes:
        recognizer: Whose inputs these are.
    """

    def __init__(self, recognizer: EmotionRecognizer, load: Callable[[Path], Sound] = load_mono) -> None:
        """Prepare; `load` gives a recording's samples."""
        self.recognizer = recognizer
        self._load = load
        self._frames: dict[tuple[str, Band], Tensor] = {}
        # Encoders of other packages read samples.
        self._keeps_sound = bool(set(recognizer.classifiers) - set(CLASSIFIERS))

    def of(
        self, clip: Clip, band: Band = "wide", text: str | None = None, speaker: SpeakerBaseline | None = None
    ) -> SpeechInput:
        """A clip over a band; a clip without a recording is text alone."""
        if clip.path is None or not self.recognizer.attends:
            return SpeechInput(_NO_SOUND, text)
        sound = self.sound(clip, band) if self._keeps_sound else _NO_SOUND
        return SpeechInput(sound, text, speaker=speaker, frames=self.frames(clip, band))

    def frames(self, clip: Clip, band: Band = "wide") -> Tensor:
        """A clip's frames: float16 [n, size]."""
        key = (str(clip.path), band)
        if key not in self._frames:
            self.prepare([clip], (band,))
        return self._frames[key]

    def sound(self, clip: Clip, band: Band = "wide") -> Sound:
        """A clip's samples over a band."""
        assert clip.path is not None
        return over(band, self._load(clip.path))

    def prepare(self, clips: Iterable[Clip], bands: Sequence[Band]) -> None:
        """Encode recordings that are going to be needed."""
        if not self.recognizer.attends:
            return
        wanted = [
            (clip, band)
            for clip in {str(clip.path): clip for clip in clips if clip.path is not None}.values()
            for band in bands
            if (str(clip.path), band) not in self._frames
        ]
        starts = range(0, len(wanted), _CHUNK)
        for start in progress(starts, "Front end", len(starts)) if len(starts) > 1 else starts:
            chunk = wanted[start : start + _CHUNK]
            found = self.recognizer.frames([self.sound(clip, band) for clip, band in chunk])
            for (clip, band), frames in zip(chunk, found, strict=True):
                self._frames[str(clip.path), band] = frames.half()


def over(band: Band, sound: Sound) -> Sound:
    """Sound as one of the `BANDS` carries it."""
    if band == "wide":
        return sound
    carried: Sound = telephone_band(torch.from_numpy(sound)).numpy()
    return carried
