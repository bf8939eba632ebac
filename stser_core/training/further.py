"""A classifier over a further encoder: trained on its frozen vectors, calibrated, and added to a checkpoint."""

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from stser_core import checkpoint as checkpoints
from stser_core import encoders
from stser_core.config import ClassifierConfig, EncoderEntry
from stser_core.emotions import LABELS
from stser_core.encoders import Encoder
from stser_core.errors import DataError, UsageError
from stser_core.model import Stser
from stser_core.scores import SpeechInput
from stser_core.training.caches import ArrayStore, FrameCache, SoundCache
from stser_core.training.calibration import calibrate_model
from stser_core.training.clip import Clip, content_key
from stser_core.training.examples import draw_weights
from stser_core.training.metrics import measure
from stser_core.training.output import progress
from stser_core.training.pairs import as_recorded
from stser_core.training.recipe import Recipe
from stser_core.training.saving import save
from stser_core.training.splits import Fold

_CHUNK = 32
_NOTHING = np.zeros(0, dtype=np.float32)
_PROBE = "probe"  # key of the vectors that tell whether a store is of the same encoder
_PROBE_SAMPLES = (8_000, 24_000)

_Vectors = tuple[list[Clip], NDArray[np.float32]]
"""Clips that an encoder gives a vector for, and their vectors float32 [clips, size]."""


def parse_encoder(text: str) -> tuple[str, EncoderEntry]:
    """Read `NAME=hub:MODEL_ID,key=value,…` or `NAME=TYPE:key=value,…`; values are JSON or words.

    Returns the encoder's name in the checkpoint, and its entry in `config.json`, whose vector size is not known yet;
    raises `UsageError` where it is written otherwise.
    """
    name, equals, rest = text.partition("=")
    kind, _, given = rest.partition(":")
    parts = [one for one in given.split(",") if one]
    if name and equals and kind and (kind != encoders.HUB or parts):
        settings: dict[str, Any] = {"model": parts.pop(0)} if kind == encoders.HUB else {}
        pairs = [one.partition("=") for one in parts]
        if all(key and equals for key, equals, _ in pairs):
            for key, _, word in pairs:
                try:
                    settings[key] = msgspec.json.decode(word)
                except msgspec.DecodeError:
                    settings[key] = word
            found = tuple(entry_points(group=encoders.GROUP, name=kind))  # none of this program's own
            package = found[0].dist.name if found and found[0].dist is not None else ""
            return name, EncoderEntry(kind, 0, settings, package)
    raise UsageError(f"--encoder is written as NAME=hub:MODEL_ID or NAME=TYPE:key=value,…; it is {text!r}.")


def add_classifier(
    fold: Fold, name: str, entry: EncoderEntry, recipe: Recipe, checkpoint: str, folder: Path, cache: Path
) -> None:
    """Train a classifier over a further encoder, and write a copy of a checkpoint that has it into a folder.

    Raises `UsageError` where the name is taken or not allowed, `CheckpointError` where the checkpoint or the encoder
    cannot be loaded, or the encoder fails, and `DataError` where it gives no vectors, or recordings cannot be decoded.
    """
    loaded = checkpoints.load(checkpoint)
    if name in loaded.config.classifiers:
        raise UsageError(f"The checkpoint has a classifier {name!r} already; choose another name.")
    encoder = encoders.load(name, entry, {})
    further = {**loaded.config.encoders, name: replace(entry, vector_size=encoder.vector_size)}
    classifiers = {**loaded.config.classifiers, name: ClassifierConfig((name,))}
    config = replace(loaded.config, encoders=further, classifiers=classifiers)
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    encoder.to(accelerator)
    store = _store(encoder, entry, cache)
    sounds = SoundCache(fold.train + fold.validation, cache)
    train, validation = (_vectors(part, encoder, store, sounds) for part in (fold.train, fold.validation))
    if not train[0] or not validation[0]:
        raise DataError(f"The encoder {name!r} gives no vector for the training or validation clips.")
    torch.manual_seed(recipe.loop.seed)
    model = Stser(config)
    model.load_state_dict(checkpoints.load_model(loaded.folder).state_dict(), strict=False)
    _train(model.classifiers[name].to(accelerator), train, validation, recipe)
    model.cpu()
    tensors = {other: loaded.tensors(other) for other in loaded.config.encoders}
    ensemble, found = calibrate_model(
        model,
        loaded.tokenizer,
        folder,
        FrameCache(model, cache),
        fold.validation,
        as_recorded if any(clip.text for clip in fold.validation) else None,
        seed=recipe.loop.seed,
        encoders=tensors,
    )
    # What was calibrated already stays: these few clips are not what the checkpoint was calibrated on.
    temperatures = {**ensemble.temperatures, **loaded.config.ensemble.temperatures}
    model.config = replace(model.config, ensemble=replace(ensemble, temperatures=temperatures))
    card = (loaded.folder / checkpoints.CARD_FILE).read_text(encoding="utf-8")
    card += (
        f"\n## {name}\n\nA classifier over the encoder {name} was added; temperature "
        f"{found[name].temperature:.2f}, expected calibration error {found[name].after:.3f}.\n"
    )
    save(folder, model, loaded.tokenizer, card, encoders=tensors)


def _train(classifier: nn.Module, train: _Vectors, validation: _Vectors, recipe: Recipe) -> None:
    """Train in memory, and leave the classifier as it was after its best epoch; this takes seconds."""
    device = next(classifier.parameters()).device
    clips, vectors = train[0], torch.from_numpy(train[1]).to(device)
    targets = torch.tensor([clip.target for clip in clips], device=device)
    truth = np.array([LABELS.index(clip.label) for clip in validation[0]])
    weights = draw_weights(clips, recipe.balance_labels, recipe.balance_corpora)
    size = min(recipe.batch, len(clips))
    optimizer = torch.optim.AdamW(
        classifier.parameters(), lr=recipe.loop.learning_rate, weight_decay=recipe.loop.weight_decay
    )
    best, best_state = -1.0, classifier.state_dict()
    for epoch in progress(range(recipe.loop.epochs), "Training", recipe.loop.epochs):
        rng = np.random.default_rng((recipe.loop.seed, epoch))
        classifier.train()
        for rows in rng.choice(len(clips), (len(clips) // size, size), p=weights / weights.sum()):
            loss = cross_entropy(classifier(vectors[rows]), targets[rows], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        classifier.eval()
        with torch.no_grad():
            answers = classifier(torch.from_numpy(validation[1]).to(device)).softmax(1).cpu().numpy()
        if (reached := measure(truth, answers).ua) > best:
            best, best_state = reached, deepcopy(classifier.state_dict())
    classifier.load_state_dict(best_state)


def _store(encoder: Encoder, entry: EncoderEntry, cache: Path) -> ArrayStore:
    """Open the store of an encoder's vectors: one of its type and settings, and with its vectors of two test sounds.

    Type and settings alone do not tell that the code of a type, or the weights in a folder or on the Hub, changed. The
    vectors are compared with a tolerance, since they differ a little between CPU and GPU, or by the number of threads.
    """
    rng = np.random.default_rng(0)
    sounds = [0.1 * rng.standard_normal(samples, dtype=np.float32) for samples in _PROBE_SAMPLES]
    texts = ("thank you very much", "why is my order not here yet?")
    given = encoders.encode(encoder, [SpeechInput(*one) for one in zip(sounds, texts, strict=True)])
    nothing = np.full(encoder.vector_size, np.nan, dtype=np.float32)
    vectors = np.array([nothing if one is None else one for one in given])
    stores = (ArrayStore(cache, "vectors", entry.type, sorted(entry.settings.items()), number) for number in count())
    return next(store for store in stores if _gave(store, vectors))


def _gave(store: ArrayStore, vectors: NDArray[np.float32]) -> bool:
    """Whether a store's vectors of the test sounds are these; a new store gets them."""
    if not store.has(_PROBE):
        store.save(_PROBE, vectors)
    kept = store.load(_PROBE)
    tolerance = 1e-4 * np.nan_to_num(np.abs(vectors)).max(initial=0)
    return kept.shape == vectors.shape and np.allclose(kept, vectors, rtol=1e-3, atol=tolerance, equal_nan=True)


def _vectors(clips: Sequence[Clip], encoder: Encoder, store: ArrayStore, sounds: SoundCache) -> _Vectors:
    keys = {}
    for clip in clips:
        content = f"{content_key(clip.path) if clip.path is not None else ''} {clip.text or ''}"
        keys[clip.id] = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    missing = [clip for clip in clips if not store.has(keys[clip.id])]
    starts = range(0, len(missing), _CHUNK)
    for start in progress(starts, encoder.name, len(starts)):
        chunk = missing[start : start + _CHUNK]
        inputs = [SpeechInput(sounds.samples(clip) if clip.path else _NOTHING, clip.text) for clip in chunk]
        for clip, vector in zip(chunk, encoders.encode(encoder, inputs), strict=True):
            store.save(keys[clip.id], _NOTHING if vector is None else vector)
    found = [(clip, row) for clip in clips if len(row := store.load(keys[clip.id]))]
    vectors = np.array([row for _, row in found], dtype=np.float32).reshape(-1, encoder.vector_size)
    return [clip for clip, _ in found], vectors
