"""Training of the two baseline networks, by the same loop and with the same batches as STSER."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stser_core.errors import DataError, OutputError
from stser_core.training.baselines.network_batches import NetworkBatch, NetworkCollator
from stser_core.training.baselines.usable import Usable, targets
from stser_core.training.batches import length_batches
from stser_core.training.clip import Clip
from stser_core.training.ctrl_c import CtrlC
from stser_core.training.loop import Epoch, LoopConfig, train
from stser_core.training.metrics import measure
from stser_core.training.sound_cache import SoundCache

_EVALUATION_BATCH = 32


@dataclass(frozen=True)
class TrainingSettings:
    """How a baseline network is trained.

    Attributes:
        epochs: At most so many.
        patience: Epochs without a better validation accuracy (WA) before training stops.
        batch: Clips in a batch.
        learning_rate: Of Adam.
    """

    epochs: int = 60
    patience: int = 10
    batch: int = 32
    learning_rate: float = 1e-3


def train_and_answer(
    make: Callable[[], nn.Module],
    clips: Usable,
    sounds: SoundCache,
    collator: NetworkCollator,
    settings: TrainingSettings,
    cache: Path,
    seed: int,
) -> NDArray[np.float32]:
    """Train a network, go back to its best epoch by validation accuracy, and answer the test clips.

    `make`: Makes a network that turns a `NetworkBatch` into logits, float32 [batch, labels].

    Returns float32 [clips of `test`, labels], probabilities.
    """
    if not clips.validation:
        raise DataError("A baseline network has no validation clip with sound and text to stop by; add data.")
    torch.manual_seed(seed)
    learner = Learner(make(), collator, sounds)
    learner.to("cuda" if torch.cuda.is_available() else "cpu")
    loop = LoopConfig(settings.epochs, settings.patience, learning_rate=settings.learning_rate, seed=seed)
    batches = _Batches(clips.train, collator, sounds, settings.batch, seed)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix="baseline-") as folder, CtrlC() as ctrl_c:
            train(learner, batches, lambda: learner.validate(clips.validation), loop, Path(folder), ctrl_c)
    except OSError as error:
        raise OutputError(f"The folder {cache} cannot be written ({error.strerror}).") from error
    if ctrl_c.pressed:
        raise KeyboardInterrupt
    return learner.answer(clips.test)


class Learner(nn.Module):
    """A network with its loss: plain cross-entropy, as both papers have it."""

    def __init__(self, network: nn.Module, collator: NetworkCollator, sounds: SoundCache) -> None:
        super().__init__()
        self.network = network
        self._collator, self._sounds = collator, sounds

    def forward(
        self, sound: Tensor, frames: Tensor, words: Tensor, counts: Tensor, prosody: Tensor, labels: Tensor
    ) -> Tensor:
        """The loss of a batch, as `NetworkCollator` makes it."""
        return cross_entropy(self.network(NetworkBatch(sound, frames, words, counts, prosody)), labels)

    @torch.no_grad()
    def answer(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """Probabilities of clips: float32 [clips, labels]."""
        device = next(self.parameters()).device
        self.eval()
        found = []
        for start in range(0, len(clips), _EVALUATION_BATCH):
            batch = self._collator(clips[start : start + _EVALUATION_BATCH], self._sounds)
            given = {name: one.to(device) for name, one in batch.items() if name != "labels"}
            found.append(self.network(NetworkBatch(**given)).softmax(1).float().cpu().numpy())
        return np.concatenate(found)

    def validate(self, clips: Sequence[Clip]) -> Epoch:
        """WA and UA."""
        measured = measure(targets(clips), self.answer(clips))
        return {"wa": measured.wa, "ua": measured.ua}


class _Batches:
    """Batches of similar length; every clip once an epoch."""

    def __init__(
        self, clips: Sequence[Clip], collator: NetworkCollator, sounds: SoundCache, size: int, seed: int
    ) -> None:
        self._clips, self._collator, self._sounds, self._seed = clips, collator, sounds, seed
        self._size = min(size, len(clips))
        self._lengths = np.array([sounds.length(clip) for clip in clips])

    def __len__(self) -> int:
        return len(self._clips) // self._size

    def epoch(self, number: int) -> Iterator[Mapping[str, Tensor]]:
        rng = np.random.default_rng((self._seed, number))
        for batch in length_batches(self._lengths, np.ones(len(self._clips)), self._size, rng):
            yield self._collator([self._clips[place] for place in batch], self._sounds)
