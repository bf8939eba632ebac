"""The member over an encoder that runs anyway: the speech recogniser's, whose output comes with the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from stser_core import bounds
from stser_core.encoding import Pooling, read
from stser_core.errors import CheckpointError
from stser_core.members.heads import Head, HeadSettings, fill
from stser_core.members.member import Heard, Needs, Parts
from stser_core.members.own_settings import settings_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EncodingSettings:
    """What `config.json` holds of such a member.

    Attributes:
        encoder: The encoder's name, as `Encoding.encoder` has it: `whisper-base`.
        inputs: Length of what the head reads of its pooled output.
        head: The head over it.
        pooling: What the head reads.
    """

    encoder: str
    inputs: int
    head: HeadSettings = field(default_factory=HeadSettings)
    pooling: Pooling = "mean_deviation"

    def __post_init__(self) -> None:
        bounds.check("inputs", self.inputs, 1)


class EncodingMember:
    """A head over the pooled output of an encoder outside the model; absent where that output is not there."""

    def __init__(self, name: str, settings: EncodingSettings, head: Head) -> None:
        self.name = name
        self.settings = settings
        self.needs = Needs(encoder=settings.encoder, voice=settings.head.speaker_adaptation)
        self._head = head.eval()

    @classmethod
    def made_of(cls, parts: Parts) -> EncodingMember:
        """Make it of what a checkpoint keeps; see `Kind`."""
        settings = settings_of(parts.settings, EncodingSettings, parts.name)
        head = Head(settings.inputs, settings.head)
        fill(head, parts.weights, f"the member {parts.name!r}")
        return cls(parts.name, settings, head)

    def to(self, accelerator: str) -> None:
        """See `Member.to`."""
        self._head.to(accelerator)

    def logits(self, batch: Sequence[Heard]) -> Tensor:
        """See `Member.logits`.

        Raises:
            CheckpointError: An encoding has another length than the head reads.
        """
        wanted = self.settings.inputs
        vectors = [read(heard.encoding, self.settings.pooling) for heard in batch if heard.encoding is not None]
        for vector in vectors:
            if vector.shape != (wanted,):
                raise CheckpointError(
                    f"The member {self.name!r} reads {wanted:,} values of {self.settings.encoder} and was given "
                    f"{vector.size:,}; is that encoder another model of the same name?"
                )
        stacked = torch.from_numpy(np.stack(vectors)).float().to(self._head.mean.device)
        answer: Tensor = self._head(self._head.adapted(stacked, [heard.voice for heard in batch], self.name))
        return answer
