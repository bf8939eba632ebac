"""A classifier over a further encoder: trained on its frozen vectors, calibrated, and added to a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
from stser_core.training.batches import draw_weights
from stser_core.training.caches import ArrayStore, FrameCache, SoundCache, content_key
from stser_core.training.calibration import calibrate_checkpoint
from stser_core.training.clip import Clip
from stser_core.training.loop import CtrlC, Epoch, train
from stser_core.training.metrics import measure
from stser_core.training.output import progress
from stser_core.training.recipe import Recipe
from stser_core.training.run_folder import RunFolder
from stser_core.training.splits import Fold

_CHUNK = 32
_NOTHING = np.zeros(0, dtype=np.float32)


def parse_encoder(text: str) -> tuple[str, EncoderEntry]:
    """Read `NAME=hub:MODEL_ID,key=value,…` or `NAME=TYPE:key=value,…`; values are JSON or words.

    Returns:
        The encoder's name in the checkpoint, and its entry in `config.json`, whose vector size is not known yet.

    Raises:
        UsageError: It is written otherwise.
    """
    name, equals, rest = text.partition("=")
    kind, _, given = rest.partition(":")
    parts = [one for one in given.split(",") if one]
    if name and equals and kind and (kind != encoders.HUB or parts):
        settings: dict[str, Any] = {"model": parts.pop(0)} if kind == encoders.HUB else {}
        pairs = [one.partition("=") for one in parts]
        if all(key and equals for key, equals, _ in pairs):
            settings |= {key: _value(word) for key, _, word in pairs}
            return name, EncoderEntry(kind, 1, settings, encoders.package_of(kind))
    raise UsageError(f"--encoder is written as NAME=hub:MODEL_ID or NAME=TYPE:key=value,…; it is {text!r}.")


def _value(word: str) -> Any:  # noqa: ANN401 (whatever JSON has)
    try:
        return msgspec.json.decode(word)
    except msgspec.DecodeError:
        return word


def add_classifier(
    fold: Fold, name: str, entry: EncoderEntry, recipe: Recipe, checkpoint: str, out: Path, cache: Path
) -> Path:
    """Train a classifier over a further encoder, and write the checkpoint that has it.

    Args:
        fold: What it is trained and calibrated on.
        name: Of the encoder and the classifier.
        entry: What the encoder is; see `parse_encoder`.
        recipe: How it is trained.
        checkpoint: What it is added to.
        out: The run's folder.
        cache: Where vectors are kept.

    Returns:
        The new checkpoint's folder.

    Raises:
        UsageError: The checkpoint has a classifier of this name.
        CheckpointError: The checkpoint or the encoder cannot be loaded, or the encoder fails.
        DataError: The encoder gives no vector for any clip, or recordings cannot be decoded.
        KeyboardInterrupt: Ctrl-C was pressed; the best classifier so far is written.
    """
    loaded = checkpoints.load(checkpoint)
    encoder = encoders.factory_of(name, entry)(name, dict(entry.settings), {})
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    encoder.to(accelerator)
    sounds = SoundCache(fold.train + fold.validation, cache, loaded.model.config.features)
    (clips, vectors), validation = (
        _vectors(part, encoder, entry, sounds, cache) for part in (fold.train, fold.validation)
    )
    if not clips or not validation[0]:
        raise DataError(f"The encoder {name!r} gives no vector for the training or validation clips.")
    torch.manual_seed(recipe.loop.seed)
    model = _extended(loaded.model, name, replace(entry, vector_size=encoder.vector_size))
    classifier = model.classifiers[name]
    learner = _Learner(classifier, recipe.label_smoothing).to(accelerator)  # type: ignore[arg-type]
    weights = draw_weights(clips, balance_labels=recipe.balance_labels, balance_corpora=recipe.balance_corpora)
    batches = _VectorBatches(clips, vectors, weights, recipe)
    run = RunFolder(out)
    with CtrlC() as ctrl_c:
        history = train(learner, batches, lambda: learner.validate(*validation), recipe.loop, run.state, ctrl_c)
    classifier.cpu()
    if history:
        _write(model, loaded, encoder, FrameCache(loaded.model, cache), fold, recipe.loop.seed, run)
    if ctrl_c.pressed:
        raise KeyboardInterrupt
    return run.checkpoint


def _write(
    model: Stser,
    loaded: checkpoints.Checkpoint,
    encoder: Encoder,
    frames: FrameCache,
    fold: Fold,
    seed: int,
    run: RunFolder,
) -> None:
    others = {name: loaded.encoder(name) for name in loaded.model.config.encoders}
    extended = checkpoints.Checkpoint(loaded.name, model.eval(), loaded.tokenizer, {**others, encoder.name: encoder})
    words = any(clip.text for clip in fold.validation)
    ensemble, found = calibrate_checkpoint(extended, frames, fold.validation, None, own_words=words, seed=seed)
    # What was calibrated already stays: these few clips are not what the checkpoint was calibrated on.
    temperatures = {**ensemble.temperatures, **loaded.model.config.ensemble.temperatures}
    model.config = replace(model.config, ensemble=replace(ensemble, temperatures=temperatures))
    card = "" if loaded.folder is None else (loaded.folder / checkpoints.CARD_FILE).read_text(encoding="utf-8")
    result = found[encoder.name]
    card += (
        f"\n## {encoder.name}\n\nA classifier over the encoder {encoder.name} was added; temperature "
        f"{result.temperature:.2f}, expected calibration error {result.after:.3f}.\n"
    )
    kept = {name: loaded.tensors(name) for name in others}
    checkpoints.save(run.checkpoint, model.cpu(), loaded.tokenizer, card, encoders=kept)


def _extended(model: Stser, name: str, entry: EncoderEntry) -> Stser:
    config = model.config
    if name in config.classifiers:
        raise UsageError(f"The checkpoint has a classifier {name!r} already; choose another name.")
    further = {**config.encoders, name: entry}
    extended = Stser(
        replace(config, encoders=further, classifiers={**config.classifiers, name: ClassifierConfig((name,))})
    )
    extended.load_state_dict(model.state_dict(), strict=False)
    return extended


def _vectors(
    clips: Sequence[Clip], encoder: Encoder, entry: EncoderEntry, sounds: SoundCache, cache: Path
) -> tuple[list[Clip], NDArray[np.float32]]:
    """The clips that the encoder gives a vector for, and their vectors float32 [clips, size]."""
    store = ArrayStore(cache, "vectors", entry.type, sorted(entry.settings.items()))
    keys = {clip.id: _key(clip) for clip in clips}
    missing = [clip for clip in clips if not store.has(keys[clip.id])]
    starts = range(0, len(missing), _CHUNK)
    for start in progress(starts, encoder.name, len(starts)):
        chunk = missing[start : start + _CHUNK]
        inputs = [SpeechInput(sounds.samples(clip) if clip.path else _NOTHING, clip.text) for clip in chunk]
        for clip, vector in zip(chunk, encoders.encode(encoder, inputs), strict=True):
            store.save(keys[clip.id], _NOTHING if vector is None else vector.float().cpu().numpy())
    found = [(clip, row) for clip in clips if len(row := store.load(keys[clip.id]))]
    vectors = np.array([row for _, row in found], dtype=np.float32).reshape(-1, encoder.vector_size)
    return [clip for clip, _ in found], vectors


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
