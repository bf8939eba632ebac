"""The text classifier: loading it, scoring texts, and writing it as a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from stser_core import checkpoint
from stser_core.config import (
    TEXT,
    AlbertConfig,
    CheckpointConfig,
    ClassifierConfig,
    EnsembleConfig,
    TmodelConfig,
)
from stser_core.model import Stser
from stser_core.tokenizer import Tokenizer, normalise
from stser_core.training import saving
from stser_core.training.presets import WHISPER_FEATURES

Floats = NDArray[np.floating]


class TextClassifier(nn.Module):
    """The tmodel and its classifier, with their tokenizer."""

    def __init__(self, model: Stser, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    def forward(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Logits, float32 [batch, labels], of pieces and mask, int64 [batch, n] each."""
        logits: Tensor = self.model.classify({TEXT: self.model.encode_text(pieces, mask)})[TEXT]
        return logits.float()

    @property
    def temperature(self) -> float:
        """Of the text classifier; 1 where it was not calibrated."""
        return self.model.config.ensemble.temperatures.get(TEXT, 1.0)

    def encode(self, texts: Sequence[str]) -> list[Tensor]:
        """Piece ids of each text, without padding."""
        encoded = self.tokenizer(texts)
        return [row[: int(length)] for row, length in zip(torch.from_numpy(encoded.pieces), encoded.mask.sum(1), strict=True)]

    @torch.inference_mode()
    def logits(self, texts: Sequence[str], *, marks: bool = True, batch: int = 256) -> Floats:
        """Logits, float32 [n, labels]; without `marks` as of a speech recogniser that writes no punctuation."""
        self.eval()
        rows = self.encode([normalise(text, marks=marks) for text in texts])
        order = np.argsort([len(row) for row in rows], kind="stable")
        found = np.empty((len(rows), 4), dtype=np.float32)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            with torch.autocast("cpu", torch.bfloat16):
                found[chosen] = self(*padded([rows[place] for place in chosen])).numpy()
        return found


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pieces and mask, int64 [batch, n] each, of rows of piece ids."""
    pieces = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return pieces, (torch.arange(pieces.shape[1]) < lengths[:, None]).long()


def load(folder: Path) -> TextClassifier:
    """Load the text classifier of a checkpoint folder, also of one of version 0.1.

    Raises:
        CheckpointError: It cannot be loaded.
    """
    config = json.loads((folder / checkpoint.CONFIG_FILE).read_text(encoding="utf-8"))
    if "version" in config:
        loaded = checkpoint.load(folder)
        assert loaded.config.tmodel is not None and loaded.tokenizer is not None
        tmodel, temperatures = loaded.config.tmodel, loaded.config.ensemble.temperatures
        weights, tokenizer = checkpoint.load_model(folder).state_dict(), loaded.tokenizer
    else:
        known = set(AlbertConfig.__struct_fields__)
        albert = AlbertConfig(**{key: value for key, value in config["text"]["albert"].items() if key in known})
        tmodel = TmodelConfig("compact-albert", albert, "mean", albert.max_position_embeddings, marks=True)
        weights, temperatures = load_file(folder / checkpoint.WEIGHTS_FILE), config["temperatures"]
        tokenizer = Tokenizer.load(folder, tmodel.maximum_pieces, marks=True)
    ensemble = EnsembleConfig(temperatures={name: one for name, one in temperatures.items() if name == TEXT})
    model = Stser(
        CheckpointConfig(WHISPER_FEATURES, {TEXT: ClassifierConfig((TEXT,))}, tmodel=tmodel, ensemble=ensemble)
    )
    wanted = model.state_dict()
    model.load_state_dict({key: weights.get(key, value).to(value.dtype) for key, value in wanted.items()})
    return TextClassifier(model, tokenizer)


def save(classifier: TextClassifier, folder: Path, temperature: float) -> None:
    """Write a checkpoint folder with the text classifier alone."""
    model = classifier.model
    model.config = replace(model.config, ensemble=EnsembleConfig(temperatures={TEXT: temperature}))
    card = (
        "---\nlicense: cc-by-nc-sa-4.0\n---\n\n# Text classifier\n\nMade by `experiments/text_classifier/train.py`.\n"
    )
    saving.save(folder, model, classifier.tokenizer, card)
