"""Writes a checkpoint folder; see `stser_core.checkpoint`, which reads it."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import torch
from safetensors.torch import save as serialised  # not save_file: it denies others the file
from torch import Tensor

import stser_core
from stser_core.checkpoint import CARD_FILE, CONFIG_FILE, FRONT_END_FILE, LICENCE_FILE, WEIGHTS_FILE, own_weights
from stser_core.errors import CheckpointError, OutputError
from stser_core.files import TEMPORARY_PREFIX, writing
from stser_core.model import Stser
from stser_core.tokenizer import Tokenizer
from stser_core.weights import SCALE


def save(
    folder: Path,
    model: Stser,
    tokenizer: Tokenizer | None,
    card: str,
    *,
    encoders: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> None:
    """Write a checkpoint folder: a model with its `config`, tokenizer, card in Markdown, and further encoders' tensors.

    An older checkpoint of the same name is replaced in one step. Raises `OutputError` where the folder cannot be
    written, or holds something else.
    """
    with _written(folder) as partial:
        config = msgspec.json.format(msgspec.json.encode(model.config), indent=2) + b"\n"
        (partial / CONFIG_FILE).write_bytes(config)
        tensors = {key: value.detach().cpu().contiguous() for key, value in own_weights(model).items()}
        for key, value in tensors.items():  # the text encoder is stored in half precision; it computes in single
            if key.startswith("tmodel.") and value.is_floating_point():
                tensors[key] = value.to(torch.float16)
        (partial / WEIGHTS_FILE).write_bytes(serialised(tensors))
        if model.front_end is not None:
            (partial / FRONT_END_FILE).write_bytes(serialised(quantise(model.front_end.state_dict())))
            shutil.copyfile(Path(stser_core.__file__).with_name(LICENCE_FILE), partial / LICENCE_FILE)
        for name, own in (encoders or {}).items():
            (partial / f"{name}.safetensors").write_bytes(serialised(dict(own)))
        if tokenizer is not None:
            tokenizer.save(partial)
        (partial / CARD_FILE).write_text(card, encoding="utf-8")


@contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """A folder to write a checkpoint into, which takes `folder`'s place when all is written."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONFIG_FILE).is_file():
        raise OutputError(f"{folder} holds something that is not a checkpoint; name another folder.")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=folder.parent) as temporary:
            new, old = Path(temporary, "new"), Path(temporary, "old")
            new.mkdir()
            yield new
            if folder.exists():
                folder.rename(old)
            new.rename(folder)


def quantise(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are stored: matrices as int8 `name` with float32 `name.scale` [rows], all else as float32.

    Symmetric: each output row's largest magnitude becomes 127.
    """
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        one = value.detach().cpu().float().contiguous()
        if one.ndim < 2:
            stored[name] = one
            continue
        rows = one.flatten(1)
        scale = rows.abs().amax(1).clamp_min(1e-12) / 127
        stored[name] = (rows / scale[:, None]).round().clamp(-127, 127).to(torch.int8).view(one.shape)
        stored[name + SCALE] = scale
    return stored


def fingerprint(folder: Path) -> str:
    """A digest of a checkpoint's settings and weights, in hexadecimal; raises `CheckpointError` where there is none."""
    digest = hashlib.sha256()
    further = sorted(path for path in folder.glob("*.safetensors") if path.name != WEIGHTS_FILE)
    try:
        for path in (folder / CONFIG_FILE, folder / WEIGHTS_FILE, *further):
            digest.update(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{folder} is not a checkpoint: {path.name} cannot be read.") from error
    return digest.hexdigest()
