"""A further encoder from the Hugging Face Hub: wav2vec2, HuBERT, WavLM, Whisper and similar audio encoders.

The checkpoint names the encoder by Hub id and revision; it is downloaded once. Only safetensors are read, and code
that comes with a model is never run.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stser_core.config import SAMPLE_RATE, SHORTEST, Settings
from stser_core.errors import CheckpointError
from stser_core.scores import SpeechInput

_LONGEST = 30 * SAMPLE_RATE


class HubSettings(Settings, frozen=True):
    """The settings of a `hub` encoder in `config.json`."""

    model: str  # Hub id, or a folder in the Hub's format
    revision: str = ""  # commit of the Hub's repository; empty for the newest, or for a folder
    layer: int = -1  # which hidden state is pooled: 0 is the first layer's input, −1 the last layer's output
    pooling: Literal["mean", "mean_deviation"] = "mean_deviation"  # mean, or mean and standard deviation, over time


class HubEncoder:
    """A pretrained audio encoder; its vector is one hidden state, pooled over time."""

    def __init__(self, name: str, settings: dict[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Load it by its `HubSettings`, with weights that are the Hub's; `encoders.load` tells what fails."""
        self.name = name
        self.settings = msgspec.convert(settings, HubSettings)
        self._model, self._extractor = _loaded(self.settings.model, self.settings.revision)
        self.vector_size = int(self._model.config.hidden_size) * (1 if self.settings.pooling == "mean" else 2)
        states, layer = self._model.config.num_hidden_layers + 1, self.settings.layer
        if not -states <= layer < states:
            raise CheckpointError(f"The encoder {name!r} has the hidden states 0 to {states - 1}, not {layer}.")

    def to(self, accelerator: str) -> None:
        """See `Encoder.to`."""
        self._model.to(accelerator)

    @torch.inference_mode()
    def encode(self, inputs: Sequence[SpeechInput]) -> list[Tensor | None]:
        """See `Encoder.encode`; each utterance by itself, so that no padding changes it. 30 s are read at most."""
        return [self._vector(one.samples) if len(one.samples) else None for one in inputs]

    def _vector(self, samples: NDArray[np.float32]) -> Tensor:
        frames = self._frames(np.pad(samples[:_LONGEST], (0, max(0, SHORTEST - len(samples)))))
        mean = frames.mean(dim=0)
        return mean if self.settings.pooling == "mean" else torch.cat([mean, frames.std(dim=0, correction=0)])

    def _frames(self, samples: NDArray[np.float32]) -> Tensor:
        """The chosen hidden states: float32 [frames, hidden]."""
        given = self._extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        (inputs,) = (given[key] for key in ("input_values", "input_features") if key in given)
        states = self._model(inputs.to(self._model.device), output_hidden_states=True).hidden_states
        frames: Tensor = states[self.settings.layer][0].float()
        if "input_features" in given:  # padded to the whole window; what follows the utterance goes
            frames = frames[: max(1, -(-len(samples) * len(frames) // _LONGEST))]
        return frames


def _loaded(model: str, revision: str) -> tuple[Any, Any]:
    if sys.flags.optimize > 1:  # transformers reads its own docstrings
        raise CheckpointError("Models of the Hugging Face Hub cannot be loaded under python -OO; run it without -OO.")
    from transformers import AutoFeatureExtractor, AutoModel

    given: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
    extractor: Any = AutoFeatureExtractor.from_pretrained(model, **given)  # type: ignore[no-untyped-call]
    loaded = AutoModel.from_pretrained(model, use_safetensors=True, **given)
    if loaded.config.is_encoder_decoder:
        loaded = loaded.get_encoder()
    return loaded.float().eval(), extractor
