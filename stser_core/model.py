"""STSER, the whole model: front end, two encoders, and the classifiers over their vectors (section 3 of the paper).

The bimodal classifier reads the speech and the text vector, concatenated: feature fusion (section 3.3).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from stser_core.config import CheckpointConfig
from stser_core.frontend import WhisperFrontEnd, frame_mask
from stser_core.smodel import Smodel
from stser_core.tmodel import Tmodel


class Classifier(nn.Sequential):
    """Dense 128 → 64 → 128 (ReLU) → labels over encoders' vectors, concatenated, as in the paper (section 3.3)."""

    def __init__(self, size: int, labels: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in (128, 64, 128):
            layers += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout)]
            size = width
        super().__init__(*layers, nn.Linear(size, labels))


class Stser(nn.Module):
    """Frames of the front end and word pieces in, each classifier's logits out.

    Attributes:
        config: What it was built from. `ensemble` in it may be replaced; nothing else.
        neutral_mean: float32 [size], the mean front-end frame of neutral turns; the baseline of an unknown speaker.
        frame_scale: float32 [size], the standard deviation of front-end frames.
    """

    neutral_mean: Tensor
    frame_scale: Tensor

    def __init__(self, config: CheckpointConfig) -> None:
        super().__init__()
        self.config = config
        self.front_end: WhisperFrontEnd | None = None
        if config.front_end is not None:
            self.front_end = WhisperFrontEnd(config.front_end, config.features.mel_bands).requires_grad_(False)
            self.register_buffer("neutral_mean", torch.zeros(config.frame_size))
            self.register_buffer("frame_scale", torch.ones(config.frame_size))
        self.smodel = Smodel(config.smodel, *config.smodel_input) if config.smodel else None
        self.tmodel = Tmodel(config.tmodel) if config.tmodel else None
        sizes = config.vector_sizes
        self.classifiers = nn.ModuleDict(
            {
                name: Classifier(sum(sizes[one] for one in classifier.inputs), len(config.labels), classifier.dropout)
                for name, classifier in config.classifiers.items()
            }
        )

    def encode_speech(
        self, frames: Tensor, counts: Tensor, baselines: Tensor | None = None, *, salience: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """The smodel's output, see `Smodel.forward`, for a padded batch.

        It has frames, float32 [batch, n, size], of the front end, or of log-mel spectrograms without one; so many of
        each, int64 [batch]; and the baselines of their speakers, float32 [batch, size], `None` for `neutral_mean`.
        """
        assert self.smodel is not None
        if self.front_end is None:
            maps = frames.transpose(1, 2)[:, None]
        else:
            offset = self.neutral_mean if baselines is None else baselines[:, None]
            inside = frame_mask(counts, frames.shape[1])[:, :, None]
            maps = ((frames - offset) / self.frame_scale * inside).transpose(1, 2)[:, :, None]
        encoded: tuple[Tensor, Tensor | None] = self.smodel(maps, counts, salience=salience)
        return encoded

    def encode_text(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """The text vectors, float32 [batch, vector], of pieces and mask, int64 [batch, n] each."""
        assert self.tmodel is not None
        vectors: Tensor = self.tmodel(pieces, mask)
        return vectors

    def classify(self, vectors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits, float32 [batch, labels], of every classifier whose encoders' vectors, [batch, vector], are there."""
        return {
            name: self.classifiers[name](torch.cat([vectors[one] for one in classifier.inputs], 1)).float()
            for name, classifier in self.config.classifiers.items()
            if all(one in vectors for one in classifier.inputs)
        }


class unfilled(TorchFunctionMode):  # noqa: N801 (a context)
    """Models made in this context have weights of any value, in memory that is not there until it is written.

    They are going to be replaced; drawing random ones would take longer than reading them. On torch's meta device,
    initialisation imports its compiler, which takes seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Call a function of torch, unless it draws random values in place."""
        given = kwargs or {}
        if func in (Tensor.uniform_, Tensor.normal_) or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else given["tensor"]
        return func(*args, **given)
