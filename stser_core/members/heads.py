"""Small classifiers over one vector an utterance: what a member puts upon an encoder's pooled output.

Three families, from the plainest on: `linear` (multinomial logistic regression), `mlp` (one hidden layer), and
`fourier` (logistic regression over random Fourier features, which stand for a radial kernel as a support vector
machine's; Rahimi and Recht 2007, https://papers.nips.cc/paper/3182). Several heads of one family, trained from
different starts, answer with the mean of their probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from stser_core import bounds
from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stser_core.adaptation import Voice

Family = Literal["linear", "mlp", "fourier"]

FAMILIES: tuple[Family, ...] = ("linear", "mlp", "fourier")

_LEAST_DEVIATION = 1e-5


@dataclass(frozen=True)
class HeadSettings:
    """The shape of a head.

    Attributes:
        family: `linear`, `mlp` or `fourier`.
        hidden: Units of an `mlp`'s hidden layer.
        features: Random features of a `fourier` head.
        gamma: Of its radial kernel exp(−gamma‖x−y‖² / inputs), over standardised vectors.
        heads: How many answer together.
        dropout: Share of an `mlp`'s hidden units dropped in training; half as many of its inputs.
        speaker_adaptation: Whether it is trained to get used to a voice, and then does (`Voice`).

    Raises:
        UsageError: A number is out of bounds.
    """

    family: Family = "mlp"
    hidden: int = 256
    features: int = 2_048
    gamma: float = 1.0
    heads: int = 1
    dropout: float = 0.5
    speaker_adaptation: bool = False

    def __post_init__(self) -> None:
        for name in ("hidden", "features", "heads"):
            bounds.check(f"head.{name}", getattr(self, name), 1)
        bounds.check("head.gamma", self.gamma, 0, above=True)
        bounds.check("head.dropout", self.dropout, 0, 0.95)
        if self.family not in FAMILIES:
            raise UsageError(f"There is no head {self.family!r}; there are {', '.join(FAMILIES)}.")


class Head(nn.Module):
    """One or several heads behind one standardisation, whose mean and deviation are of the training vectors."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, inputs: int, settings: HeadSettings) -> None:
        """Make it, untrained.

        Args:
            inputs: Length of the vectors that it reads.
            settings: Its shape.
        """
        super().__init__()
        self.inputs = inputs
        self.settings = settings
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.heads = nn.ModuleList(_one(inputs, settings) for _ in range(settings.heads))

    def standardise_by(self, vectors: Tensor) -> None:
        """Take mean and deviation of training vectors: float32 [n, inputs]."""
        self.mean.copy_(vectors.mean(dim=0))
        self.deviation.copy_(vectors.std(dim=0, correction=0).clamp_min(_LEAST_DEVIATION))

    def adapted(self, vectors: Tensor, voices: Sequence[Voice | None], reader: str) -> Tensor:
        """Take off what the voices add, where they are known and the head was trained for that.

        Args:
            vectors: float32 [batch, inputs], in the order in which the utterances were said.
            voices: Whose each is.
            reader: Whom the vectors are remembered for; see `Voice.adapted`.
        """
        if not self.settings.speaker_adaptation:
            return vectors
        return torch.stack(
            [
                vector if voice is None else voice.adapted(reader, vector, self.mean)
                for vector, voice in zip(vectors, voices, strict=True)
            ]
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Judge vectors, each float32 [inputs] in a batch [batch, inputs]; float32 [batch, labels].

        With several heads the logits are the logarithm of their mean probabilities.
        """
        each = self.each(vectors)
        if len(self.heads) == 1:
            return each[0]
        return each.log_softmax(dim=2).logsumexp(dim=0) - torch.tensor(float(len(self.heads))).log()

    def each(self, vectors: Tensor) -> Tensor:
        """Every head's own logits: float32 [heads, batch, labels]."""
        standardised = (vectors - self.mean) / self.deviation
        return torch.stack([head(standardised) for head in self.heads])


class FourierFeatures(nn.Module):
    """√(2/n) cos(Wx + b): their inner products approach exp(−gamma‖x−y‖² / inputs)."""

    directions: Tensor
    phases: Tensor

    def __init__(self, inputs: int, features: int, gamma: float) -> None:
        super().__init__()
        self.register_buffer("directions", torch.randn(features, inputs) * sqrt(2 * gamma / inputs))
        self.register_buffer("phases", torch.rand(features) * 2 * torch.pi)

    def forward(self, vectors: Tensor) -> Tensor:
        """[batch, inputs] to [batch, features]."""
        angles: Tensor = nn.functional.linear(vectors, self.directions, self.phases)
        return angles.cos() * sqrt(2 / len(self.phases))


def _one(inputs: int, settings: HeadSettings) -> nn.Module:
    match settings.family:
        case "linear":
            return nn.Linear(inputs, len(LABELS))
        case "mlp":
            return nn.Sequential(
                nn.Dropout(settings.dropout / 2),
                nn.Linear(inputs, settings.hidden),
                nn.ReLU(),
                nn.Dropout(settings.dropout),
                nn.Linear(settings.hidden, len(LABELS)),
            )
        case "fourier":
            return nn.Sequential(
                FourierFeatures(inputs, settings.features, settings.gamma),
                nn.Linear(settings.features, len(LABELS)),
            )


def fill(module: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Give a module its tensors, every one of them.

    Args:
        module: Any.
        weights: By name.
        what: Whose they are, for the message.

    Raises:
        CheckpointError: A tensor is missing, unknown or of another shape.
    """
    wanted = module.state_dict()
    wrong = sorted(wanted.keys() ^ weights.keys()) + [
        key for key, value in wanted.items() if key in weights and weights[key].shape != value.shape
    ]
    if wrong:
        raise CheckpointError(
            f"The tensors of {what} do not fit its settings: {len(wrong)} are missing, unknown or of another shape, "
            f"{wrong[0]} among them."
        )
    module.load_state_dict(dict(weights))
