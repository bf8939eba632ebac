"""A classifier over a further encoder: trained on its frozen vectors, calibrated, and added to a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stser_core import checkpoint as checkpoints
from stser_core import encoders
from stser_core.classifiers import Classifier
from stser_core.config import ClassifierConfig, EncoderEntry
from stser_core.emotions import LABELS, index
from stser_core.encoders import Encoder
from stser_core.errors import DataError, UsageError
from stser_core.model import Stser
from stser_core.scores import SpeechInput
from stser_core.training.array_store import ArrayStore, content_key
from stser_core.training.batches import draw_weights
from stser_core.training.calibration import calibrate_checkpoint
from stser_core.training.clip import Clip
from stser_core.training.ctrl_c import CtrlC
from stser_core.training.loop import Epoch, train
from stser_core.training.metrics import measure
from stser_core.training.progress import progress
from stser_core.training.recipe import Recipe
from stser_core.training.run_folder import STATE_FOLDER
from stser_core.training.sound_cache import SoundCache
from stser_core.training.splits import Fold

_CHUNK = 32


@dataclass(frozen=True)
class WantedEncoder:
    """A further encoder: its name in the checkpoint, and its entry in `config.json`."""

    name: str
    type: str
    settings: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> WantedEncoder:
        """Read `NAME=hub:MODEL_ID,key=value,…` or `NAME=TYPE:key=value,…`; values are JSON or words."""
        name, equals, rest = text.partition("=")
        kind, _, given = rest.partition(":")
        parts = [one for one in given.split(",") if one]
        if name and equals and kind and (kind != encoders.HUB or parts):
            settings: dict[str, Any] = {"model": parts.pop(0)} if kind == encoders.HUB else {}
            pairs = [one.partition("=") for one in parts]
            if all(key and equals for key, equals, _ in pairs):
                return cls(name, kind, settings | {key: _value(word) for key, _, word in pairs})
        raise UsageError(f"--encoder is written as NAME=hub:MODEL_ID or NAME=TYPE:key=value,…; it is {text!r}.")

    def load(self) -> Encoder:
        """Make the encoder."""
        factory = encoders.factory_of(self.name, EncoderEntry(self.type, 1, self.settings))
        return factory(self.name, dict(self.settings), {})


def _value(word: str) -> Any:  # noqa: ANN401 (whatever JSON has)
    try:
        return msgspec.json.decode(word)
    except msgspec.DecodeError:
        return word


def add_classifier(
    fold: Fold, wanted: WantedEncoder, recipe: Recipe, checkpoint: str, folder: Path, cache: Path
) -> Path:
    """Train a classifier over a further encoder, and write the checkpoint that has it."""
    loaded = checkpoints.load(checkpoint)
    encoder = wanted.load()
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    encoder.to(accelerator)
    sounds = SoundCache(fold.train + fold.validation, cache, loaded.model.config.features)
    parts = [_vectors(part, encoder, wanted, sounds, cache) for part in (fold.train, fold.validation)]
    if not all(len(vectors) for _, vectors in parts):
        raise DataError(f"The encoder {wanted.name!r} gives no vector for the training or validation clips.")
    torch.manual_seed(recipe.loop.seed)
    model = _extended(loaded.model, wanted, encoder.vector_size)
    classifier = model.classifiers[wanted.name]
    learner = _Learner(classifier, recipe.label_smoothing).to(accelerator)  # type: ignore[arg-type]
    clips, vectors = parts[0]
    weights = draw_weights(clips, balance_labels=recipe.balance_labels, balance_corpora=recipe.balance_corpora)
    batches = _VectorBatches(clips, vectors, weights, recipe)
    with CtrlC() as ctrl_c:
        history = train(
            learner, batches, lambda: learner.validate(*parts[1]), recipe.loop, folder / STATE_FOLDER, ctrl_c
        )
    classifier.cpu()
    if history:
        _write(model, loaded, encoder, fold, folder, recipe)
    if ctrl_c.pressed:
        raise KeyboardInterrupt
    return folder / "checkpoint"


def _write(
    model: Stser, loaded: checkpoints.Checkpoint, encoder: Encoder, fold: Fold, folder: Path, recipe: Recipe
) -> None:
    others = {name: one for name in loaded.model.config.encoders if (one := loaded.encoder(name))}
    extended = checkpoints.Checkpoint(loaded.name, model.eval(), loaded.tokenizer, {**others, encoder.name: encoder})
    ensemble, found = calibrate_checkpoint(
        extended, fold.validation, None, own_words=any(clip.text for clip in fold.validation), seed=recipe.loop.seed
    )
    # What was calibrated already stays: these few clips are not what the checkpoint was calibrated on.
    temperatures = {**ensemble.temperatures, **loaded.model.config.ensemble.temperatures}
    model.config = replace(model.config, ensemble=replace(ensemble, temperatures=temperatures))
    card = f"# {loaded.name} and {encoder.name}\n\nA classifier over {encoder.name} was added to {loaded.name}.\n"
    if loaded.folder is not None:
        card = (loaded.folder / checkpoints.CARD_FILE).read_text(encoding="utf-8")
        result = found[encoder.name]
        card += (
            f"\n## {encoder.name}\n\nA classifier over the encoder {encoder.name} was added; temperature "
            f"{result.temperature:.2f}, expected calibration error {result.after:.3f}.\n"
        )
    kept = {name: loaded.tensors(name) for name in loaded.model.config.encoders}
    checkpoints.save(folder / "checkpoint", model.cpu(), loaded.tokenizer, card, encoders=kept)


def _extended(model: Stser, wanted: WantedEncoder, size: int) -> Stser:
    config = model.config
    if wanted.name in config.classifiers:
        raise UsageError(f"The checkpoint has a classifier {wanted.name!r} already; choose another name.")
    entry = EncoderEntry(wanted.type, size, wanted.settings, encoders.package_of(wanted.type))
    extended = Stser(
        replace(
            config,
            encoders={**config.encoders, wanted.name: entry},
            classifiers={**config.classifiers, wanted.name: ClassifierConfig((wanted.name,))},
        )
    )
    extended.load_state_dict(model.state_dict(), strict=False)
    return extended


def _vectors(
    clips: Sequence[Clip], encoder: Encoder, wanted: WantedEncoder, sounds: SoundCache, cache: Path
) -> tuple[list[Clip], NDArray[np.float32]]:
    """The clips that the encoder gives a vector for, and their vectors float32 [clips, size]."""
    store = ArrayStore(cache, "vectors", wanted.type, sorted(wanted.settings.items()))
    keys = {clip.id: _key(clip) for clip in clips}
    missing = [clip for clip in clips if not store.has(keys[clip.id])]
    starts = range(0, len(missing), _CHUNK)
    for start in progress(starts, wanted.name, len(starts)):
        chunk = missing[start : start + _CHUNK]
        silence = np.zeros(0, dtype=np.float32)
        inputs = [SpeechInput(sounds.samples(clip) if clip.path else silence, clip.text) for clip in chunk]
        for clip, vector in zip(chunk, encoders.encode(encoder, inputs), strict=True):
            none = np.zeros(0, dtype=np.float32)
            store.save(keys[clip.id], none if vector is None else vector.float().cpu().numpy())
    found = [(clip, row) for clip in clips if len(row := store.load(keys[clip.id]))]
    size = encoder.vector_size
    return [clip for clip, _ in found], np.array([row for _, row in found], dtype=np.float32).reshape(-1, size)


def _key(clip: Clip) -> str:
    sound = content_key(clip.path) if clip.path is not None else ""
    return hashlib.blake2b(f"{sound} {clip.text or ''}".encode(), digest_size=16).hexdigest()


class _Learner(nn.Module):
    """A classifier with its loss."""

    def __init__(self, classifier: Classifier, label_smoothing: float) -> None:
        super().__init__()
        self.classifier = classifier
        self._label_smoothing = label_smoothing

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(self.classifier(vectors), targets, label_smoothing=self._label_smoothing)

    @torch.no_grad()
    def validate(self, clips: Sequence[Clip], vectors: NDArray[np.float32]) -> Epoch:
        device = next(self.parameters()).device
        answers = self.classifier(torch.from_numpy(vectors).to(device)).softmax(1).cpu().numpy()
        measured = measure(np.array([index(clip.label) for clip in clips]), answers)
        return {"wa": measured.wa, "ua": measured.ua}


class _VectorBatches:
    """Batches of vectors, drawn by weight."""

    def __init__(
        self, clips: Sequence[Clip], vectors: NDArray[np.float32], weights: NDArray[np.float64], recipe: Recipe
    ) -> None:
        self._vectors = torch.from_numpy(vectors)
        self._targets = torch.tensor([clip.target for clip in clips]).view(-1, len(LABELS))
        self._weights = weights / weights.sum()
        self._size = min(recipe.batch, len(clips))
        self._seed = recipe.loop.seed

    def __len__(self) -> int:
        return len(self._vectors) // self._size

    def epoch(self, number: int) -> Iterator[Mapping[str, Tensor]]:
        rng = np.random.default_rng((self._seed, number))
        rows = torch.from_numpy(rng.choice(len(self._vectors), (len(self), self._size), p=self._weights))
        for batch in rows:
            yield {"vectors": self._vectors[batch], "targets": self._targets[batch]}
