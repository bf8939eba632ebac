"""A member made from clips: its head trained and calibrated, and what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from stser_core import checkpoint as checkpoints
from stser_core.emotions import LABELS
from stser_core.encoding import read
from stser_core.members import kinds
from stser_core.members.encoding import EncodingSettings
from stser_core.members.hub import HubEncoder, HubSettings, kept_weights
from stser_core.members.listing import Listed
from stser_core.members.prosody import ProsodySettings
from stser_core.training.grouping import grouped
from stser_core.training.members.cache import EncodingCache
from stser_core.training.members.encoders import HUB, PROSODY, Encoder, FrozenHubEncoder, Prosody, WhisperFolder
from stser_core.training.members.head_training import Examples, HeadRecipe, train_head
from stser_core.training.members.layers import train_with_layers
from stser_core.training.metrics import temperature

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.members.heads import Head
    from stser_core.training.clip import Clip
    from stser_core.training.members.options import Wanted
    from stser_core.training.members.settings import MemberRecipe
    from stser_core.training.sound_cache import SoundCache

_PARTS = 4
"""So many times a part of the speakers is left out to find the temperature."""


@dataclass(frozen=True, eq=False)
class Made:
    """A member that was trained, as `checkpoint.add_member` takes it."""

    listed: Listed
    weights: Mapping[str, Tensor]
    count: float = 1.0
    others: Mapping[str, float] = field(default_factory=dict)

    def join(self, folder: Path, target: Path, temperatures: Mapping[str, float] | None = None) -> None:
        """Write a checkpoint that has it; see `checkpoint.add_member`."""
        checkpoints.add_member(
            folder, target, self.listed, self.weights, self.count, others=self.others, temperatures=temperatures
        )


class Maker(Protocol):
    """Trains one kind of member.

    Attributes:
        cache: Has the encodings that `Recognizer` is given while the member is judged, or `None` where it makes its
            own.
    """

    cache: EncodingCache[Encoder] | None

    def __call__(self, clips: Sequence[Clip], sounds: SoundCache) -> Made:
        """Train on clips with sound.

        Raises:
            DataError: A clip has no sound, or there are too few speakers.
        """
        ...


def maker(wanted: Wanted, recipe: MemberRecipe, cache: Path) -> Maker:
    """What trains a member of the kind that is wanted.

    Args:
        wanted: Which.
        recipe: How.
        cache: Where encodings are kept.

    Raises:
        CheckpointError: The Hub's encoder cannot be loaded.
        TranscriberError: Whisper cannot be loaded.
        MissingExtraError: faster-whisper is not installed.
    """
    if wanted.kind == HUB:
        return HubMaker(wanted, recipe, cache)
    if wanted.kind == PROSODY:
        return ProsodyMaker(wanted, recipe, cache)
    return EncodingMaker(wanted, recipe, WhisperFolder(Path(wanted.encoder)), cache)


class EncodingMaker:
    """Trains a head on the output of an encoder that the program runs anyway."""

    def __init__(self, wanted: Wanted, recipe: MemberRecipe, encoder: Encoder, cache: Path) -> None:
        self._encodings = EncodingCache(encoder, cache)
        self.cache: EncodingCache[Encoder] | None = self._encodings
        self._wanted, self._recipe = wanted, recipe

    def __call__(self, clips: Sequence[Clip], sounds: SoundCache) -> Made:
        """See `Maker`."""
        recipe = self._recipe
        vectors = read(self._encodings.of(clips, sounds, recipe.versions), recipe.pooling)
        head, divisor = _calibrated(vectors, clips, recipe.training)
        settings = EncodingSettings(self._encodings.encoder.name, head.inputs, head.settings, recipe.pooling)
        listed = Listed(self._wanted.name, kinds.ENCODING, asdict(settings), divisor)
        return Made(listed, head.state_dict(), recipe.count, recipe.weights)


class HubMaker:
    """Trains a head on a Hub encoder's output and, where the recipe says so, the encoder's last layers with it."""

    def __init__(self, wanted: Wanted, recipe: MemberRecipe, cache: Path) -> None:
        self.cache: EncodingCache[Encoder] | None = None
        self._load: Callable[[], HubEncoder] = lambda: HubEncoder(
            wanted.encoder, layer=recipe.layer, pooling=recipe.pooling
        )
        self._encoder = self._load()
        self._encodings = EncodingCache(FrozenHubEncoder(self._encoder), cache)
        self._wanted, self._recipe = wanted, recipe

    def __call__(self, clips: Sequence[Clip], sounds: SoundCache) -> Made:
        """See `Maker`."""
        recipe, encoder = self._recipe, self._encoder
        training = recipe.training
        if recipe.trained_layers:  # what a voice adds changes with every step of theirs
            training = replace(training, head=replace(training.head, speaker_adaptation=False))
        vectors = read(self._encodings.of(clips, sounds, recipe.versions), recipe.pooling)
        head, divisor = _calibrated(vectors, clips, training)
        trained = {}
        if recipe.trained_layers:
            encoder = self._load()  # another one: the frozen encoder's output is what the cache keeps
            trained = train_with_layers(encoder, head, clips, sounds, recipe)
        settings = HubSettings(
            self._wanted.encoder,
            head.inputs,
            head.settings,
            encoder.revision,
            recipe.layer,
            recipe.trained_layers,
            recipe.pooling,
        )
        listed = Listed(self._wanted.name, kinds.HUB, asdict(settings), divisor)
        return Made(listed, kept_weights(head, trained), recipe.count, recipe.weights)


class ProsodyMaker:
    """Trains a head on functionals."""

    def __init__(self, wanted: Wanted, recipe: MemberRecipe, cache: Path) -> None:
        self.cache: EncodingCache[Encoder] | None = None
        self._functionals = EncodingCache(Prosody(), cache)
        self._wanted, self._recipe = wanted, recipe

    def __call__(self, clips: Sequence[Clip], sounds: SoundCache) -> Made:
        """See `Maker`."""
        vectors = self._functionals.of(clips, sounds, self._recipe.versions)
        head, divisor = _calibrated(vectors, clips, self._recipe.training)
        settings = ProsodySettings(head=head.settings)
        listed = Listed(self._wanted.name, kinds.PROSODY, asdict(settings), divisor)
        return Made(listed, head.state_dict(), self._recipe.count, self._recipe.weights)


def _calibrated(
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], clips: Sequence[Clip], recipe: HeadRecipe
) -> tuple[Head, float]:
    """A head trained on all clips, and the temperature that heads trained without a part of the speakers need."""
    examples = Examples.of(vectors, clips, recipe.balance_corpora)
    speakers = len({clip.speaker for clip in clips})
    parts = grouped(clips, lambda clip: clip.speaker, "speaker", min(_PARTS, speakers), recipe.seed)
    place = {clip.id: position for position, clip in enumerate(clips)}
    logits = torch.zeros(len(clips), len(LABELS))
    for part in parts:
        held = torch.tensor([place[clip.id] for clip in part])
        left = torch.ones(len(clips), dtype=torch.bool).index_fill(0, held, value=False)
        head = train_head(examples.only(left), recipe)
        with torch.inference_mode(), torch.random.fork_rng(devices=()):
            torch.manual_seed(recipe.seed)
            logits[held] = head(examples.drawn(held, 0, head))
    divisor = temperature(examples.targets.numpy(), logits.numpy())
    return train_head(examples, recipe), round(divisor, 4)
