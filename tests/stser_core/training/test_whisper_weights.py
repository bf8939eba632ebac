"""CTranslate2's file becomes the front end's weights, whole or in parts; whatever is something else is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core.config import FrontEndConfig
from stser_core.errors import CheckpointError
from stser_core.frontend import WhisperFrontEnd
from stser_core.training.cli import main
from stser_core.training.whisper_weights import _NAMES, fill_front_end, from_ctranslate2


def model_bin(front_end: WhisperFrontEnd, specification: str = "WhisperSpec") -> bytes:
    """A model in CTranslate2's format, in half precision, with a variable of the decoder that is not read."""
    state, names = front_end.state_dict(), {"conv1": "conv1", "conv2": "conv2"}
    for layer in range(len(front_end.layers)):
        names |= {f"layers.{layer}.{ours}": f"layer_{layer}/{theirs}" for ours, theirs in _NAMES.items()}
    variables = {"decoder/start": np.arange(3, dtype=np.int32)}
    for ours, theirs in names.items():
        kinds = ("gamma", "beta") if ours.endswith("norm") else ("weight", "bias")
        for kind, their_kind in zip(("weight", "bias"), kinds, strict=True):
            variables[f"encoder/{theirs}/{their_kind}"] = state[f"{ours}.{kind}"].half().numpy()

    def text(word: str) -> bytes:
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    out = struct.pack("<I", 6) + text(specification) + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        kind = {np.dtype(np.int32): 3, np.dtype(np.float16): 4}[value.dtype]
        out += text(name) + struct.pack("<B", value.ndim) + struct.pack(f"<{value.ndim}I", *value.shape)
        out += struct.pack("<BI", kind, value.nbytes) + value.tobytes()
    return out


@pytest.fixture
def front_end() -> WhisperFrontEnd:
    torch.manual_seed(0)
    return WhisperFrontEnd(FrontEndConfig(layers=2, size=16, heads=2), 8)


def test_all_weights_are_read_from_parts_and_written_as_int8(front_end, tmp_path: Path) -> None:
    content = model_bin(front_end)
    parts = [tmp_path / "model.bin.part1", tmp_path / "model.bin.part2"]
    parts[0].write_bytes(content[:5_000])
    parts[1].write_bytes(content[5_000:])
    state = from_ctranslate2(parts, 2)
    for name, value in front_end.state_dict().items():
        torch.testing.assert_close(state[name], value, atol=1e-3, rtol=1e-3)
    out = tmp_path / "front_end.safetensors"
    assert main(["front-end", *map(str, parts), "--out", str(out), "--layers", "2"]) == 0
    other = WhisperFrontEnd(front_end.config, 8)
    fill_front_end(other, tmp_path)
    for name, value in front_end.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, atol=0.02, rtol=0.02)


def test_what_does_not_fit_is_said(front_end, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        from_ctranslate2([tmp_path], 2)
    path = tmp_path / "model.bin"
    path.write_bytes(model_bin(front_end))
    with pytest.raises(CheckpointError, match="not a Whisper model of 3 layers"):
        from_ctranslate2([tmp_path], 3)
    for content in (model_bin(front_end)[:-10], model_bin(front_end, "TransformerSpec"), b"PK"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a model in CTranslate2's format"):
            from_ctranslate2([tmp_path], 2)
    with pytest.raises(CheckpointError, match="cannot be used as a front end"):
        fill_front_end(front_end, path)
