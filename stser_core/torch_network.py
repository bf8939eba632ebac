"""A model for inference with torch; see `network`."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stser_core.features import log_mel
from stser_core.frontend import has_bfloat16, pad_frames
from stser_core.model import Stser
from stser_core.network import Floats, accelerator_of, batches


class TorchNetwork:
    """A model whose front end has packed weights where its CPU multiplies these; all else is shared with it."""

    def __init__(self, model: Stser, accelerator: str = "auto") -> None:
        """Move a model to an accelerator, where it stays; see `accelerator_of`."""
        self.accelerator = accelerator_of(accelerator)
        self._model = model.to(self.accelerator).eval()
        self._front_end = front_end = model.front_end
        self.neutral_mean: Floats = np.zeros(model.config.frame_size, np.float32)
        if front_end is not None:
            self.neutral_mean = model.neutral_mean.cpu().numpy()
            if self.accelerator == "cpu" and has_bfloat16() and not front_end.is_packed:
                self._front_end = deepcopy(front_end)
                self._front_end.pack(front_end.state_dict())

    @torch.inference_mode()
    def encode_frames(self, waveforms: Sequence[Floats]) -> list[Floats]:
        """See `Network`; in batches of similar length where the accelerator gains from them."""
        config = self._model.config
        found: list[Floats] = [np.empty(0)] * len(waveforms)
        order = sorted(range(len(waveforms)), key=lambda i: -len(waveforms[i]))
        for batch in batches(order, self.accelerator, lambda i: len(waveforms[i])):
            frames, counts = pad_frames([self._moved(log_mel(waveforms[i], config.features).T) for i in batch])
            if self._front_end is not None:
                with self._precision():
                    frames = self._front_end(frames, counts)
            for i, row in zip(batch, frames.cpu().numpy(), strict=True):
                found[i] = row[: config.frames_in(len(waveforms[i]))]  # without those of the tail
        return found

    @torch.inference_mode()
    def encode_speech(
        self, frames: Sequence[Floats], baseline: Floats, *, salience: bool
    ) -> tuple[Floats, Floats | None]:
        """See `Network`."""
        stacked, counts = pad_frames([torch.from_numpy(one).to(self.accelerator) for one in frames])
        baselines = self._moved(baseline)[None]
        with self._precision():
            vectors, weights = self._model.encode_speech(stacked, counts, baselines, salience=salience)
        return _array(vectors), None if weights is None else _array(weights)

    @torch.inference_mode()
    def encode_text(self, pieces: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        """See `Network`."""
        with self._precision():
            return _array(self._model.encode_text(self._moved(pieces), self._moved(mask)))

    @torch.inference_mode()
    def classify(self, vectors: Mapping[str, Floats]) -> dict[str, Floats]:
        """See `Network`."""
        with self._precision():
            logits = self._model.classify({name: self._moved(one) for name, one in vectors.items()})
        return {name: _array(one) for name, one in logits.items()}

    def _moved(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.accelerator)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.float16) if self.accelerator == "cuda" else nullcontext()


def _array(tensor: Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    return array
