"""The member that hears how something is said: pitch, loudness, voice quality and rhythm, without any network below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from stser_core.errors import CheckpointError
from stser_core.members.heads import Head, HeadSettings, fill
from stser_core.members.member import Heard, Needs, Parts
from stser_core.members.own_settings import settings_of
from stser_core.prosody.functionals import FUNCTIONALS, NAMES, functionals

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ProsodySettings:
    """What `config.json` holds of such a member.

    Attributes:
        functionals: Which set of functionals the head was trained on.
        head: The head over them.
    """

    functionals: str = FUNCTIONALS
    head: HeadSettings = field(default_factory=HeadSettings)


class ProsodyMember:
    """A head over an utterance's functionals; it answers to every sound, in some milliseconds."""

    def __init__(self, name: str, settings: ProsodySettings, head: Head) -> None:
        self.name = name
        self.settings = settings
        self.needs = Needs(samples=True, voice=settings.head.speaker_adaptation)
        self._head = head.eval()

    @classmethod
    def made_of(cls, parts: Parts) -> ProsodyMember:
        """Make it of what a checkpoint keeps; see `Kind`."""
        settings = settings_of(parts.settings, ProsodySettings, parts.name)
        if settings.functionals != FUNCTIONALS:
            raise CheckpointError(
                f"The member {parts.name!r} reads the functionals {settings.functionals!r}; this version of the "
                f"program computes {FUNCTIONALS!r}."
            )
        head = Head(len(NAMES), settings.head)
        fill(head, parts.weights, f"the member {parts.name!r}")
        return cls(parts.name, settings, head)

    def to(self, accelerator: str) -> None:
        """See `Member.to`."""
        self._head.to(accelerator)

    def logits(self, batch: Sequence[Heard]) -> Tensor:
        """See `Member.logits`."""
        vectors = np.stack([functionals(heard.samples) for heard in batch if heard.samples is not None])
        stacked = torch.from_numpy(vectors).to(self._head.mean.device)
        answer: Tensor = self._head(self._head.adapted(stacked, [heard.voice for heard in batch], self.name))
        return answer
