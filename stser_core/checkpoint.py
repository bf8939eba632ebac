"""A checkpoint folder: `config.json`, weights, the tokenizer's file, and the model card `README.md`.

`model.safetensors` holds all of the model except the front end, whose int8 weights are in `front_end.safetensors`
beside their licence. A further encoder's own tensors are in `<name>.safetensors`. Never a pickle. Finding and listing
checkpoints needs no torch; loading one does. `training.saving` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stser_core import weights
from stser_core.config import VERSION, CheckpointConfig, decode
from stser_core.errors import CheckpointError, reason
from stser_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stser_core.model import Stser

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FRONT_END_FILE = "front_end.safetensors"
LICENCE_FILE = "LICENSE-whisper.txt"
CARD_FILE = "README.md"
DEFAULT = "default"

_DOWNLOADED = [CONFIG_FILE, "*.safetensors", "tokenizer.json", "onnx/*", CARD_FILE, LICENCE_FILE]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint without the model's weights; see `load_model` and `network`."""

    folder: Path
    config: CheckpointConfig
    tokenizer: Tokenizer | None  # None where no classifier reads text

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    def tensors(self, name: str) -> dict[str, Tensor]:
        """A further encoder's own tensors; none where it has no file."""
        path = self.folder / f"{name}.safetensors"
        return weights.read(path, "torch") if path.exists() else {}


def available() -> list[Path]:
    """The folders of the checkpoints that ship with the program, by name."""
    return sorted(path.parent for path in _shipped().glob(f"*/{CONFIG_FILE}"))


def resolve(name: str | Path) -> Path:
    """Find a checkpoint's folder; raises `CheckpointError` where there is nothing of that name.

    `name` is that of a checkpoint that ships with the program (`default` among them), a folder (`./default` for one of
    the same name), or a Hugging Face Hub id (`owner/name`), which is downloaded into the Hub's cache once.
    """
    name, folder, shipped = str(name), Path(name).expanduser(), available()
    if found := [path for path in shipped if path.name == name]:
        return found[0]
    if folder.is_dir():
        return folder
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return from_hub(name)
    known = ", ".join(path.name for path in shipped) or "none"
    raise CheckpointError(
        f"The checkpoint {name!r} was not found: it is not a folder, not a Hugging Face Hub id, and not among "
        f"those that ship with the program ({known})."
    )


def load(name: str | Path = DEFAULT, *, text: bool = True) -> Checkpoint:
    """Load a checkpoint but for its weights, by what `resolve` takes; with `text`, it has its tokenizer.

    Raises `CheckpointError` where it is missing or broken, or does not fit this program.
    """
    folder = resolve(name)
    config = read_config(folder)
    tokenizer = None
    if text and config.tmodel is not None:
        tokenizer = Tokenizer.load(folder, config.tmodel.maximum_pieces, marks=config.tmodel.marks)
    return Checkpoint(folder, config, tokenizer)


def load_model(folder: Path, accelerator: str = "") -> Stser:
    """Load the model of a checkpoint's folder: in evaluation mode, on the CPU.

    With an `accelerator`, the model is for inference there alone: its front end has the precision that is fast there.
    Raises `CheckpointError` where it is missing or broken, or does not fit this program.
    """
    import torch

    from stser_core.model import Stser, unfilled

    config = read_config(folder)
    try:
        with unfilled():
            model = Stser(config)
    except Exception as error:  # torch refuses impossible sizes with all kinds of errors
        raise CheckpointError(
            f"{folder / CONFIG_FILE} describes a model that cannot be built ({reason(error)})."
        ) from error
    fill(model, weights.read(folder / WEIGHTS_FILE, "torch"), own_weights(model), folder / WEIGHTS_FILE)
    if model.front_end is not None:
        load_front_end(model, folder / FRONT_END_FILE, accelerator)
    if accelerator:  # with the channels last, a CPU pools several times as fast; in training it does not pay
        model.to(memory_format=torch.channels_last)
    return model.eval()


def read_config(folder: Path) -> CheckpointConfig:
    """Read `config.json`; raises `CheckpointError` where it is missing, of another version, or does not fit."""
    path = folder / CONFIG_FILE
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=dict[str, Any]).get("version", 1)
        if version == VERSION:
            return decode(content, CheckpointConfig)
    except OSError as error:
        raise CheckpointError(f"{folder} is not a checkpoint: its {CONFIG_FILE} cannot be read.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} does not describe an STSER model ({error}).") from error
    if version == 1:
        raise CheckpointError(
            f"The checkpoint {folder} was made by version 0.1 of the program, which this version cannot read; train "
            "it again, or use the shipped checkpoint default."
        )
    raise CheckpointError(f"{path} has the format version {version!r}; this program reads version {VERSION}.")


def load_front_end(model: Stser, file: Path, accelerator: str = "") -> None:
    """Give a model the weights of a `front_end.safetensors`; raises `CheckpointError` where they do not fit it."""
    from stser_core.frontend import has_bfloat16

    assert model.front_end is not None
    stored, expected = weights.read(file, "torch"), model.front_end.state_dict()
    if accelerator == "cpu" and has_bfloat16():
        _check(weights.without_scales(stored), expected, file)
        model.front_end.pack(stored)
    else:
        fill(model.front_end, weights.dequantise(stored), expected, file)


def fill(module: nn.Module, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Give a module weights, which must be those that it expects; `path` is their file, for the `CheckpointError`."""
    _check(weights, expected, path)
    # Without a copy: what is stored in single precision stays mapped from the file.
    module.load_state_dict(
        {key: weights[key].to(one.dtype) for key, one in expected.items()}, strict=False, assign=True
    )


def _check(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    missing, unknown = sorted(expected.keys() - weights.keys()), sorted(weights.keys() - expected.keys())
    wrong = [key for key in expected if key in weights and weights[key].shape != expected[key].shape]
    if missing or unknown or wrong:
        first = (missing + unknown + wrong)[0]
        raise CheckpointError(
            f"{path} does not fit its {CONFIG_FILE}: {len(missing)} tensors are missing, {len(unknown)} unknown "
            f"and {len(wrong)} of another shape, {first} among them."
        )


def own_weights(model: Stser) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`: all but the front end's."""
    return {key: value for key, value in model.state_dict().items() if not key.startswith("front_end.")}


def from_hub(hub_id: str) -> Path:
    """Download a checkpoint or a text encoder into the Hub's cache, unless it is there; raises `CheckpointError`."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=_DOWNLOADED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{hub_id} is not a folder, and could not be downloaded from the Hugging Face Hub ({reason(error)})."
        ) from error


def _shipped() -> Path:
    """The folder of the program's own checkpoints: in the installed package, or beside it in a working copy."""
    installed = Path(__file__).with_name("_checkpoints")
    return installed if installed.is_dir() else installed.parents[1] / "checkpoints"
