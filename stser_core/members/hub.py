"""The member over an audio encoder of the Hugging Face Hub: wav2vec2, HuBERT, WavLM, Whisper and their kin.

The checkpoint keeps the head, and the encoder's last layers where these were trained; the encoder itself is named
by Hub id and revision, and fetched once. Only safetensors are read, and code that lies beside a model never runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from stser_core.audio import SAMPLE_RATE
from stser_core.encoding import Pooling
from stser_core.errors import CheckpointError
from stser_core.members.heads import Head, HeadSettings, fill
from stser_core.members.member import Heard, Needs, Parts
from stser_core.members.own_settings import settings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Named = TypeVar("Named", bound=Tensor)

_SHORTEST = SAMPLE_RATE // 10
_LONGEST = 30 * SAMPLE_RATE
_HEAD, _ENCODER = "head.", "encoder."


@dataclass(frozen=True)
class HubSettings:
    """What `config.json` holds of such a member.

    Attributes:
        encoder: Hub id, or a folder in the Hub's format.
        inputs: Length of what the head reads of the encoder's pooled output.
        head: The head over it.
        revision: The commit of the Hub's repository; empty for a folder.
        layer: Which hidden state is pooled: 0 is what goes into the first layer, −1 the last one's output.
        trained_layers: How many of the last layers were trained along with the head, and so are kept here.
        pooling: What the head reads.
    """

    encoder: str
    inputs: int
    head: HeadSettings = field(default_factory=HeadSettings)
    revision: str = ""
    layer: int = -1
    trained_layers: int = 0
    pooling: Pooling = "mean_deviation"


class HubEncoder(nn.Module):
    """A pre-trained encoder that turns a waveform into one vector of its hidden states."""

    def __init__(self, name: str, revision: str = "", layer: int = -1, pooling: Pooling = "mean_deviation") -> None:
        """Load it.

        Args:
            name: Hub id or folder.
            revision: The commit; without it, the newest.
            layer: Which hidden state is pooled.
            pooling: How, over time.

        Raises:
            CheckpointError: It is not there, is no audio encoder, or has no safetensors.
        """
        super().__init__()
        self.name = name
        self.layer = layer
        self.pooling = pooling
        self.model, self._extractor = _loaded(name, revision)
        self.revision = revision or str(getattr(self.model.config, "_commit_hash", None) or "")
        hidden = self.model.config.num_hidden_layers + 1
        if not -hidden <= layer < hidden:
            raise CheckpointError(f"The encoder {name} has the hidden states 0 to {hidden - 1}; {layer} is none.")

    @property
    def size(self) -> int:
        """Length of the pooled output."""
        return int(self.model.config.hidden_size) * (1 if self.pooling == "mean" else 2)

    def last_layers(self, count: int) -> dict[str, nn.Parameter]:
        """The parameters of the last layers, by name.

        Raises:
            CheckpointError: It has fewer layers.
        """
        layers = self._layers()
        if count > len(layers):
            raise CheckpointError(f"The encoder {self.name} has {len(layers)} layers; {count} cannot be trained.")
        wanted = {id(one) for layer in list(layers)[len(layers) - count :] for one in layer.parameters()}
        return {name: one for name, one in self.model.named_parameters() if id(one) in wanted}

    def forward(self, samples: NDArray[np.float32]) -> Tensor:
        """Encode one utterance: float32 [n] in −1…1, 16 kHz, of which 30 s are heard; float32 [size]."""
        frames = self.frames(samples)
        mean = frames.mean(dim=0)
        return mean if self.pooling == "mean" else torch.cat([mean, frames.std(dim=0, correction=0)])

    def frames(self, samples: NDArray[np.float32]) -> Tensor:
        """The hidden states of one utterance, before they are pooled: float32 [frames, hidden]."""
        samples = samples[:_LONGEST]
        given = self._extractor(_at_least(samples), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        (inputs,) = (given[key] for key in ("input_values", "input_features") if key in given)
        states = self.model(inputs.to(self.model.device), output_hidden_states=True).hidden_states
        frames: Tensor = states[self.layer][0].float()
        if "input_features" in given:  # padded to the whole window, so what lies behind the utterance goes
            frames = frames[: max(1, -(-len(samples) * len(frames) // _LONGEST))]
        return frames

    def _layers(self) -> nn.ModuleList:
        """The transformer's layers: the longest list of modules that there is."""
        lists = [module for module in self.model.modules() if isinstance(module, nn.ModuleList)]
        return next(one for one in lists if len(one) == self.model.config.num_hidden_layers)


class HubMember:
    """A head over a Hub encoder's pooled output; it needs the sound alone."""

    def __init__(self, name: str, encoder: HubEncoder, head: Head) -> None:
        self.name = name
        self.needs = Needs(samples=True, voice=head.settings.speaker_adaptation)
        self._encoder = encoder.eval()
        self._head = head.eval()

    @classmethod
    def made_of(cls, parts: Parts) -> HubMember:
        """Make it of what a checkpoint keeps; see `Kind`."""
        settings = settings_of(parts.settings, HubSettings, parts.name)
        what = f"the member {parts.name!r}"
        encoder = HubEncoder(settings.encoder, settings.revision, settings.layer, settings.pooling)
        if encoder.size != settings.inputs:
            raise CheckpointError(
                f"The head of {what} reads {settings.inputs:,} values, but {settings.encoder} gives {encoder.size:,}."
            )
        head = Head(settings.inputs, settings.head)
        fill(head, _part(parts.weights, _HEAD), what)
        fill(_named(encoder.last_layers(settings.trained_layers)), _renamed(_part(parts.weights, _ENCODER)), what)
        return cls(parts.name, encoder, head)

    def to(self, accelerator: str) -> None:
        """See `Member.to`."""
        self._encoder.to(accelerator)
        self._head.to(accelerator)

    def logits(self, batch: Sequence[Heard]) -> Tensor:
        """See `Member.logits`; each utterance is encoded by itself, so that no padding changes it."""
        vectors = torch.stack([self._encoder(heard.samples) for heard in batch if heard.samples is not None])
        answer: Tensor = self._head(self._head.adapted(vectors, [heard.voice for heard in batch], self.name))
        return answer


def kept_weights(head: Head, trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """The tensors that a checkpoint keeps of a head and of the encoder's trained layers."""
    tensors = {_HEAD + name: one for name, one in head.state_dict().items()}
    tensors |= {_ENCODER + name: one for name, one in trained.items()}
    return {name: one.detach().cpu().contiguous() for name, one in tensors.items()}


def _loaded(name: str, revision: str) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoFeatureExtractor, AutoModel

    where = {"revision": revision} if revision and not Path(name).is_dir() else {}
    try:
        extractor: Any = AutoFeatureExtractor.from_pretrained(  # type: ignore[no-untyped-call]
            name, trust_remote_code=False, **where
        )
        model = AutoModel.from_pretrained(name, trust_remote_code=False, use_safetensors=True, **where)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise CheckpointError(f"The encoder {name} cannot be loaded ({reason}).") from error
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return model.float().eval(), extractor


def _at_least(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """At least 0.1 s of sound: the encoders' convolutions need as much."""
    return np.pad(samples, (0, max(0, _SHORTEST - len(samples))))


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}


def _named(parameters: Mapping[str, nn.Parameter]) -> nn.ParameterDict:
    return nn.ParameterDict(_renamed(parameters))


def _renamed(tensors: Mapping[str, Named]) -> dict[str, Named]:
    """By names that `ParameterDict` can have, which knows no dots."""
    return {name.replace(".", "/"): one for name, one in tensors.items()}
