"""Weights as checkpoints store them, for torch and NumPy alike."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stser_core.errors import CheckpointError

SCALE = ".scale"  # ending of the names of scales beside int8 weights


def read(path: Path, framework: Literal["torch", "numpy"]) -> dict[str, Any]:
    """Read a file of tensors: tensors that are mapped from the file, or arrays.

    Raises `CheckpointError` where it is missing or broken, or holds values that are not finite.
    """
    from safetensors import SafetensorError

    library = import_module(framework)
    try:
        weights: dict[str, Any] = import_module(f"safetensors.{framework}").load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as weights ({error}).") from error
    broken = [key for key, value in weights.items() if not library.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{path} holds values that are NaN or infinite, in {broken[0]}.")
    return weights


def without_scales(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of what `training.saving.quantise` gives, but not int8 weights whose scale is missing."""
    return {
        name: value
        for name, value in stored.items()
        if not (name.endswith(SCALE) and name.removesuffix(SCALE) in stored)
        and (name + SCALE in stored or not str(value.dtype).endswith("int8"))
    }


def dequantise(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Weights in single precision from what `training.saving.quantise` gives; see `without_scales`."""
    return {
        name: value * stored[name + SCALE].reshape(-1, *[1] * (value.ndim - 1)) if name + SCALE in stored else value
        for name, value in without_scales(stored).items()
    }


def sinusoids(positions: int, size: int) -> NDArray[np.float32]:
    """Whisper's fixed position embeddings: float32 [positions, size], sines then cosines."""
    half = size // 2
    rates = np.exp(-np.log(10_000) / max(1, half - 1) * np.arange(half))
    angles = np.arange(positions)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)
