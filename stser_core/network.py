"""The model as the recognizer runs it: arrays in, arrays out, whatever computes between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core.config import CheckpointConfig
    from stser_core.encoders import Encoder
    from stser_core.tokenizer import Tokenizer

    Floats = NDArray[np.floating]


class Network(Protocol):
    """A model on an accelerator, for inference.

    Attributes:
        accelerator: `cpu`, `cuda` or `mps`.
        neutral_mean: float32 [size], the mean front-end frame of neutral turns; zeros without a front end.
    """

    @property
    def accelerator(self) -> str: ...  # noqa: D102 (above)

    @property
    def neutral_mean(self) -> Floats: ...  # noqa: D102

    def encode_frames(self, waveforms: Sequence[Floats]) -> list[Floats]:
        """Frames of trimmed waveforms (float32 [n] in −1…1, 16 kHz): float32 [frames, size] each."""
        ...

    def encode_speech(
        self, frames: Sequence[Floats], baselines: Floats | None, *, salience: bool
    ) -> tuple[Floats, Floats | None]:
        """Speech vectors of a batch.

        Args:
            frames: float16 or float32 [n, size] of each utterance.
            baselines: float32 [batch, size], of each utterance's speaker; `None` for `neutral_mean`.
            salience: Also return where the attention rests.

        Returns:
            float32 [batch, vector], and float32 [batch, steps] or `None`.
        """
        ...

    def encode_text(self, pieces: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        """Text vectors, float32 [batch, vector], of piece ids and their mask, int64 [batch, n] each."""
        ...

    def classify(self, vectors: Mapping[str, Floats]) -> dict[str, Floats]:
        """Logits, float32 [batch, labels], of every classifier whose encoders' vectors, [batch, vector], are there."""
        ...


class Loaded(Protocol):
    """A loaded checkpoint, as the recognizer takes it.

    Attributes:
        name: The folder's name.
        tokenizer: `None` where no classifier reads text.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def config(self) -> CheckpointConfig: ...  # noqa: D102

    @property
    def tokenizer(self) -> Tokenizer | None: ...  # noqa: D102

    def encoder(self, name: str) -> Encoder:
        """A further encoder; see `Checkpoint.encoder`."""
        ...

    def network(self, accelerator: str) -> Network:
        """The model for inference on an accelerator."""
        ...
