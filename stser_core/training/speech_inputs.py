"""Clips and turns of calls as the recognizer takes them, encoded by the front end once."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stser_core import checkpoint as checkpoints
from stser_core.audio import load_mono
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import CLASSIFIERS, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.torch_network import TorchNetwork
from stser_core.training.caches import FrameCache
from stser_core.training.clip import Clip
from stser_core.training.lines import Sound, telephone_band
from stser_core.training.routine import Channel

Band = Literal["wide", "telephone"]

BANDS: tuple[Band, ...] = ("wide", "telephone")
"""Versions of a recording in the frame cache."""

_NO_SOUND = np.zeros(0, dtype=np.float32)


class SpeechInputs:
    """Makes the inputs of `recognizer`."""

    def __init__(
        self, recognizer: EmotionRecognizer, frames: FrameCache, load: Callable[[Path], Sound] = load_mono
    ) -> None:
        """Take frames of the same front end; `load` gives a recording's samples."""
        self.recognizer = recognizer
        self._frames, self._load = frames, load
        self._turns: dict[str, list[NDArray[np.floating]]] = {}
        # Encoders of other packages read samples.
        self._keeps_sound = bool(set(recognizer.classifiers) - set(CLASSIFIERS))

    @classmethod
    def load(cls, checkpoint: str | Path, cache: Path, accelerator: str = "auto", **options: Any) -> "SpeechInputs":  # noqa: ANN401
        """Load a checkpoint's recognizer; options and errors are those of `EmotionRecognizer`."""
        loaded = checkpoints.load(checkpoint)
        model = checkpoints.load_model(loaded.folder)
        return cls(EmotionRecognizer(loaded, TorchNetwork(model, accelerator), **options), FrameCache(model, cache))

    def prepare(self, clips: Iterable[Clip], bands: Sequence[Band]) -> None:
        """Encode recordings that are going to be needed; raises `DataError` for those that cannot be decoded."""
        if self.recognizer.attends:
            self._frames.prepare(clips, bands)

    def of(
        self, clip: Clip, band: Band = "wide", text: str | None = None, speaker: SpeakerBaseline | None = None
    ) -> SpeechInput:
        """A clip over a band; a clip without a recording is text alone."""
        if clip.path is None or not self.recognizer.attends:
            return SpeechInput(_NO_SOUND, text)
        sound = self.sound(clip, band) if self._keeps_sound else _NO_SOUND
        return SpeechInput(sound, text, speaker=speaker, frames=self.frames(clip, band))

    def turns(self, channel: Channel, speaker: SpeakerBaseline) -> list[SpeechInput]:
        """The turns of a call's channel."""
        sounds = [channel.sound[start:end] for start, end in channel.turns]
        if not self.recognizer.attends or self._keeps_sound:
            return [SpeechInput(sound, speaker=speaker) for sound in sounds]
        if channel.name not in self._turns:
            self._turns[channel.name] = self.recognizer.frames(sounds)
        return [SpeechInput(_NO_SOUND, speaker=speaker, frames=frames) for frames in self._turns[channel.name]]

    def frames(self, clip: Clip, band: Band = "wide") -> NDArray[np.float16]:
        """A clip's frames: float16 [n, size]."""
        return self._frames.frames(clip, band)

    def sound(self, clip: Clip, band: Band = "wide") -> Sound:
        """A clip's samples over a band: float32 [n]."""
        assert clip.path is not None
        sound = self._load(clip.path)
        return sound if band == "wide" else telephone_band(sound)
