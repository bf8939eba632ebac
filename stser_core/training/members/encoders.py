"""What a member's head is trained on: encoders and functionals, each as the monitor or the member itself runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from stser_core.encoding import pooled
from stser_core.prosody.functionals import FUNCTIONALS, functionals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core.members.hub import HubEncoder

WHISPER = "whisper"
HUB = "encoder"
PROSODY = "prosody"
WORKERS = 2
"""How many utterances are encoded at once."""


class Encoder(Protocol):
    """Turns an utterance into a vector; may be used from `WORKERS` threads at once.

    Attributes:
        name: What encodings are known by: `whisper-base`, or a Hub id.
        key: Another model, another revision or another way of pooling, another key: what encodings are kept under.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (above)

    @property
    def key(self) -> str: ...  # noqa: D102

    def vector(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode one utterance: float32 [n] in −1…1, 16 kHz, without silence around it; float32 [size]."""
        ...


class SequenceEncoder(Encoder, Protocol):
    """Turns an utterance into a sequence of vectors, whose mean and deviation over time are its one vector."""

    def frames(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encode one utterance, as `vector` does, but for the time: float32 [frames, width]."""
        ...


class Prosody:
    """The functionals of an utterance; see `stser_core.prosody`."""

    name = PROSODY
    key = FUNCTIONALS

    def vector(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Encoder.vector`."""
        return functionals(samples)


class WhisperFolder:
    """Whisper as the monitor runs it with `--asr whisper`; needs the extra [whisper]."""

    def __init__(self, folder: Path) -> None:
        """Load a model in CTranslate2's format.

        Raises:
            MissingExtraError: faster-whisper is not installed.
            TranscriberError: The folder holds no such model.
        """
        from stser_core.whisper import WhisperEncoder

        self._encoder = WhisperEncoder(folder, workers=WORKERS)
        self.name = self._encoder.name
        size = (folder / "model.bin").stat().st_size
        self.key = f"{self.name} {size}"

    def vector(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Encoder.vector`."""
        return pooled(self.frames(samples))

    def frames(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `SequenceEncoder.frames`."""
        return self._encoder.encode(samples)


class FrozenHubEncoder:
    """A Hub encoder as it is."""

    def __init__(self, encoder: HubEncoder) -> None:
        self.encoder = encoder
        self.name = encoder.name
        self.key = f"hub {Path(encoder.name).resolve() if Path(encoder.name).is_dir() else encoder.name} " + (
            f"{encoder.revision} {encoder.layer}"
        )

    def vector(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Encoder.vector`."""
        return pooled(self.frames(samples))

    @torch.inference_mode()
    def frames(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `SequenceEncoder.frames`."""
        frames: NDArray[np.float32] = self.encoder.frames(samples).cpu().numpy()
        return frames
