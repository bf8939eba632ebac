"""A checkpoint with the paper's three classifiers, and one with a member over an encoder's output beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from stser_core import checkpoint
from stser_core.members.heads import Head, HeadSettings
from stser_core.members.listing import Listed

ENCODER = "whisper-tiny"
SIZE = 6


@pytest.fixture
def plain(tmp_path: Path, settings, build, tokenizer) -> Path:
    folder = tmp_path / "plain"
    checkpoint.save(folder, build(settings), tokenizer, "# A card\n")
    return folder


@pytest.fixture
def listen(plain: Path, tmp_path: Path) -> Callable[..., Path]:
    """Add a member over the encoding to the plain checkpoint."""

    def add(temperature: float = 2.0, inputs: int = SIZE, **others: str) -> Path:
        torch.manual_seed(1)
        head = HeadSettings(hidden=4)
        given = {"encoder": ENCODER, "inputs": inputs, "head": msgspec.to_builtins(head), **others}
        listed = Listed("whisper", "encoding", given, temperature)
        checkpoint.add_member(plain, tmp_path / "with-whisper", listed, Head(inputs, head).state_dict())
        return tmp_path / "with-whisper"

    return add
