"""A Whisper model's folder, in CTranslate2's format: told from others, and named, without loading anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FILES = ("model.bin", "config.json", "tokenizer.json")
_PREFIX = "whisper-"
_BLOCK_BYTES = 1 << 20

_KNOWN_WEIGHTS: Mapping[tuple[int, str], str] = MappingProxyType(
    {(145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"): "whisper-base"}
)
"""Bytes and SHA-256 of weights whose name is certain."""


def is_model(folder: Path) -> bool:
    """Whether a folder holds a Whisper model in CTranslate2's format."""
    return all((folder / name).is_file() for name in _FILES)


def name_of(folder: Path) -> str:
    """The name of the encoder in a folder, by which a member of the ensemble asks for it.

    Weights that are known byte by byte have their model's name, whatever the folder is called; others have the
    folder's, and a folder that claims a known name without having its weights says so.

    Args:
        folder: See `is_model`.

    Returns:
        Such as `whisper-base`, or `whisper-` and the folder's name.
    """
    weights = folder / "model.bin"
    size = weights.stat().st_size
    if any(size == known for known, _ in _KNOWN_WEIGHTS) and (known := _KNOWN_WEIGHTS.get((size, _sha256(weights)))):
        return known
    name = _PREFIX + folder.resolve().name.removeprefix(_PREFIX)
    return f"{name}-unverified" if name in _KNOWN_WEIGHTS.values() else name


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
