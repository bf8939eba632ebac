"""Whisper's encoder from CTranslate2's format to the front end's own file, as checkpoints/default holds it.

    .venv/bin/python experiments/front_end/whisper_weights.py WHISPER front_end.safetensors

WHISPER is Whisper base: its folder, its model.bin, or parts of this in order.

The file `model.bin` (https://github.com/OpenNMT/CTranslate2, `model.cc`, binary version 6): uint32 version, the
specification's name, uint32 revision, uint32 number of variables; of each its name, uint8 rank, uint32 sizes, uint8
data type, uint32 bytes, and the values. Strings are uint16 length and text that ends in a zero byte.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from stser_core.errors import CheckpointError
from stser_core.training.saving import quantise

MODEL_FILE = "model.bin"

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_NAMES = {
    "attention_norm": "self_attention/layer_norm",
    "qkv": "self_attention/linear_0",
    "output": "self_attention/linear_1",
    "feed_forward_norm": "ffn/layer_norm",
    "expand": "ffn/linear_0",
    "contract": "ffn/linear_1",
}


def write_front_end(paths: Sequence[Path], layers: int, out: Path) -> None:
    """Make a `front_end.safetensors` with the first layers of a Whisper encoder, as int8."""
    out.write_bytes(save(quantise(from_ctranslate2(paths, layers))))


def from_ctranslate2(paths: Sequence[Path], layers: int) -> dict[str, Tensor]:
    """The state of `WhisperFrontEnd` from a CTranslate2 Whisper model; see `write_front_end`."""
    variables = _read(paths)
    pairs = [(name, name, ("weight", "bias")) for name in ("conv1", "conv2")]
    for layer in range(layers):
        for ours, theirs in _NAMES.items():
            kinds = ("gamma", "beta") if ours.endswith("norm") else ("weight", "bias")
            pairs.append((f"layers.{layer}.{ours}", f"layer_{layer}/{theirs}", kinds))
    state = {}
    for ours, theirs, kinds in pairs:
        for kind, theirs_kind in zip(("weight", "bias"), kinds, strict=True):
            name = f"encoder/{theirs}/{theirs_kind}"
            if name not in variables:
                raise CheckpointError(f"{paths[0]} lacks {name}: it is not a Whisper model of {layers} layers.")
            value = variables[name].astype(np.float32)
            if (scale := variables.get(f"{name}_scale")) is not None:
                value /= scale.astype(np.float32).reshape(-1, *[1] * (value.ndim - 1))
            state[f"{ours}.{kind}"] = torch.from_numpy(value.copy())
    return state


def _read(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    if len(paths) == 1 and paths[0].is_dir():
        paths = [paths[0] / MODEL_FILE]
    try:
        content = b"".join(path.read_bytes() for path in paths)
        return _parsed(content)
    except OSError as error:
        raise CheckpointError(f"The Whisper model {error.filename} cannot be read ({error.strerror}).") from error
    except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{paths[0]} is not a model in CTranslate2's format ({error}).") from error


def _parsed(content: bytes) -> dict[str, NDArray[Any]]:
    place = 0

    def take(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + form, content, place)
        place += struct.calcsize("<" + form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = take("H")
        place += length
        return content[place - length : place].rstrip(b"\0").decode()

    take("I")
    if not text().startswith("Whisper"):
        raise ValueError("it is not a Whisper model")
    take("I")
    variables: dict[str, NDArray[Any]] = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, length = _TYPES[take("B")], take("I")
        if place + length > len(content):
            raise ValueError("it ends too early")
        variables[name] = np.frombuffer(content, kind, length // np.dtype(kind).itemsize, place).reshape(shape)
        place += length
    return variables


if __name__ == "__main__":
    *whisper, result = map(Path, sys.argv[1:])
    write_front_end(whisper, 3, result)
