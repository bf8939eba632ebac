"""The sentence encoder that a compact ALBERT learns from, and what it makes of many texts, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn.functional import normalize

from stser_core.errors import DataError, OutputError
from stser_core.training.progress import progress

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_CHUNK = 4096
_BATCH = 64
_LONGEST = 96


def load_encoder(encoder: str | Path) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """A sentence encoder's tokenizer and model, as transformers has them.

    Args:
        encoder: A Hub id or a folder.

    Raises:
        DataError: It cannot be loaded.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(encoder))
        model: Any = AutoModel.from_pretrained(str(encoder), use_safetensors=True)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"The sentence encoder {str(encoder)!r} cannot be loaded ({reason}).") from error
    return tokenizer, model


class SentenceTeacher:
    """A sentence encoder in the Hub's format whose sentence vector is the mean over its pieces (as MiniLM's is).

    Attributes:
        width: Length of a sentence vector.
    """

    def __init__(self, encoder: str | Path) -> None:
        """Load it.

        Args:
            encoder: A Hub id or a folder.

        Raises:
            DataError: It cannot be loaded.
        """
        self._pieces, model = load_encoder(encoder)
        self._model: Any = cast("Any", model).eval()
        self.name = str(encoder)
        self.width = int(self._model.config.hidden_size)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sentence vectors of unit length: float32 [texts, width]."""
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(texts), _BATCH):
            rows = by_length[start : start + _BATCH]
            vectors[rows] = self._batch([texts[i] for i in rows]).numpy()
        return vectors

    def _batch(self, texts: list[str]) -> Tensor:
        encoded = self._pieces(texts, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self._model(**encoded).last_hidden_state
        inside = encoded["attention_mask"][:, :, None]
        return normalize((hidden.float() * inside).sum(1) / inside.sum(1), dim=1)


def embeddings(teacher: SentenceTeacher, texts: Sequence[str], folder: Path) -> NDArray[np.float16]:
    """Sentence vectors of many texts, made once and kept; called again after an interruption, it goes on.

    Args:
        teacher: Who makes them.
        texts: In this order.
        folder: Where they are kept.

    Returns:
        float16 [texts, width], memory-mapped.

    Raises:
        OutputError: The folder cannot be written.
    """
    path = folder / f"sentences-{_fingerprint(teacher, texts)}.f16"
    row = 2 * teacher.width
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            done = file.tell() // row // _CHUNK * _CHUNK  # a chunk that was broken off is made again
            if file.tell() < row * len(texts):
                file.truncate(done * row)
                starts = range(done, len(texts), _CHUNK)
                for start in progress(starts, "Reading with the teacher", len(starts)):
                    file.write(teacher.embed(texts[start : start + _CHUNK]).astype(np.float16).tobytes())
                    file.flush()
    except OSError as error:
        raise OutputError(f"The teacher's sentences cannot be kept in {folder} ({error.strerror}).") from error
    return np.memmap(path, dtype=np.float16, mode="r", shape=(len(texts), teacher.width))


def _fingerprint(teacher: SentenceTeacher, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(teacher.name.encode())
    for text in texts:
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()[:16]
