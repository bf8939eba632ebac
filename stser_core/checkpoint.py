"""A checkpoint folder: `config.json`, `model.safetensors`, the tokenizer's file, and the model card `README.md`.

`config.json` holds the model's settings and, under `members`, `weights` and `joining`, the ensemble's further members,
whose tensors lie in files of their own (`stser_core.members`), and how all make one answer (`stser_core.ensemble`).

Never a pickle. Finding and listing checkpoints needs no torch; loading one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stser_core.errors import CheckpointError, OutputError
from stser_core.members import listing
from stser_core.members.listing import Roster

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.ensemble import Joining
    from stser_core.stser import Stser, StserSettings
    from stser_core.tmodel import Tokenizer

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
DEFAULT = "default"

_TEXT_ENCODER = "tmodel."
_WANTED = (CONFIG_FILE, "*.safetensors", "tokenizer.json", CARD_FILE)


@dataclass(frozen=True)
class Checkpoint:
    """A model with what belongs to it.

    Attributes:
        name: The folder's name.
        model: In evaluation mode, on the CPU.
        tokenizer: `None` where no classifier reads text.
        roster: The ensemble's further members; they are loaded when they are asked.
        folder: Where it lies, or `None` where it lies nowhere.
    """

    name: str
    model: Stser
    tokenizer: Tokenizer | None
    roster: Roster = field(default_factory=Roster)
    folder: Path | None = None


@dataclass(frozen=True)
class Listed:
    """A checkpoint that is present: its name, its folder, and its size in bytes."""

    name: str
    path: Path
    size: int


def available() -> list[Listed]:
    """The checkpoints that ship with the program, by name."""
    folders = sorted(path.parent for path in _shipped().glob(f"*/{CONFIG_FILE}"))
    return [Listed(folder.name, folder, _size(folder)) for folder in folders]


def resolve(name: str | Path) -> Path:
    """Find a checkpoint's folder.

    Args:
        name: The name of a checkpoint that ships with the program (`default` among them), a folder (`./default`
            for one of the same name), or a Hugging Face Hub id (`owner/name`), which is downloaded into the
            Hub's cache once.

    Raises:
        CheckpointError: There is nothing of that name.
    """
    folder = Path(name).expanduser()
    shipped = _shipped() / folder.name
    if str(name) == folder.name and (shipped / CONFIG_FILE).is_file():
        return shipped
    if folder.is_dir():
        return folder
    if str(name).count("/") == 1 and not str(name).startswith((".", "/", "~")):
        return _from_hub(str(name))
    known = ", ".join(listed.name for listed in available()) or "none"
    raise CheckpointError(
        f"There is no checkpoint {str(name)!r}: it is no folder, no Hugging Face Hub id, and not among those "
        f"that ship with the program ({known})."
    )


def load(name: str | Path = DEFAULT) -> Checkpoint:
    """Load a checkpoint.

    Args:
        name: See `resolve`.

    Raises:
        CheckpointError: It is missing, broken, or does not fit this program.
    """
    from stser_core.tmodel import Tokenizer

    folder = resolve(name)
    settings, roster = read_config(folder)
    model = _built(settings, folder)
    _load_weights(model, folder / WEIGHTS_FILE)
    text = settings.text
    tokenizer = Tokenizer.load(folder, text.maximum_pieces, marks=text.marks) if text else None
    return Checkpoint(folder.resolve().name, model.eval(), tokenizer, roster, folder)


def save(
    folder: Path,
    model: Stser,
    tokenizer: Tokenizer | None,
    card: str,
    *,
    weights: Mapping[str, float] | None = None,
    joining: Joining | None = None,
) -> None:
    """Write a checkpoint folder; what an older one of the same name held is replaced.

    Args:
        folder: Created where it is missing.
        model: On any device.
        tokenizer: `None` where no classifier reads text.
        card: The model card, in Markdown.
        weights: How much a classifier counts in the ensemble; 1 where nothing is said.
        joining: How voice and words go together in the ensemble; `None` for the mean alone.

    Raises:
        CheckpointError: A weight is not above 0, or is given to nobody; or a share of the joining is below 0.
        OutputError: The folder cannot be written, or holds something else.
    """
    from safetensors.torch import save as serialised

    roster = Roster(weights=weights or {}, joining=joining)
    listing.check(roster, model.settings.classifiers)
    with _written(folder) as partial:
        (partial / CONFIG_FILE).write_bytes(_indented(_config(model.settings, roster)))
        tensors = {key: _stored(key, value) for key, value in _weights(model).items()}
        (partial / WEIGHTS_FILE).write_bytes(serialised(tensors))  # not save_file: it denies others the file
        if tokenizer is not None:
            tokenizer.save(partial)
        (partial / CARD_FILE).write_text(card, encoding="utf-8")


def add_member(
    folder: Path,
    target: Path,
    member: listing.Listed,
    weights: Mapping[str, Tensor],
    count: float = 1.0,
    *,
    others: Mapping[str, float] | None = None,
    temperatures: Mapping[str, float] | None = None,
) -> None:
    """Write a checkpoint that has one more member than another; all else is taken over as it is.

    Args:
        folder: The checkpoint to start from.
        target: Where the new one is written; it may be `folder`, and what an older checkpoint there held is replaced.
        member: How it is listed; one of the same name is replaced.
        weights: Its own tensors.
        count: How much it counts in the ensemble.
        others: How much others count from then on, by name; those that are not named count as before.
        temperatures: Of the mean of several, by their names; see `StserSettings`.

    Raises:
        CheckpointError: `folder` holds no checkpoint, or the member does not fit into it.
        OutputError: The target cannot be written, or holds something else.
    """
    from safetensors.torch import save as serialised

    settings, roster = read_config(folder)
    kept = tuple(one for one in roster.members if one.name != member.name)
    counts = {name: one for name, one in roster.weights.items() if name != member.name}
    counts |= {**(others or {}), **({member.name: count} if count != 1.0 else {})}
    roster = replace(roster, members=(*kept, member), weights=counts)
    listing.check(roster, settings.classifiers)
    settings = replace(settings, temperatures={**settings.temperatures, **(temperatures or {})})
    with _written(target) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        (partial / CONFIG_FILE).write_bytes(_indented(_config(settings, roster)))
        (partial / member.weights_file).write_bytes(serialised(dict(weights)))


def fingerprint(folder: Path) -> str:
    """What a checkpoint's settings and weights are, in a few letters: another checkpoint, another fingerprint.

    Raises:
        CheckpointError: The folder holds none.
    """
    import hashlib

    digest = hashlib.sha256()
    try:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            digest.update((folder / name).read_bytes())
    except OSError as error:
        raise CheckpointError(f"{folder} is no checkpoint: its {name} cannot be read.") from error
    return digest.hexdigest()


def read_settings(folder: Path) -> StserSettings:
    """Read the model's settings in a checkpoint's `config.json`; see `read_config`."""
    return read_config(folder)[0]


def read_config(folder: Path) -> tuple[StserSettings, Roster]:
    """Read a checkpoint's `config.json`: the model's settings, and the ensemble's further members.

    Raises:
        CheckpointError: It is missing, or does not say what it should.
    """
    import msgspec

    from stser_core.settings_json import decode
    from stser_core.stser import StserSettings

    path = folder / CONFIG_FILE
    try:
        config = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        further = {key: config.pop(key) for key in ("members", "weights", "joining") if key in config}
        settings = decode(msgspec.json.encode(config), StserSettings)
        roster = decode(msgspec.json.encode(further), Roster)
    except OSError as error:
        raise CheckpointError(f"{folder} is no checkpoint: its {CONFIG_FILE} cannot be read.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} does not describe an STSER model ({error}).") from error
    listing.check(roster, settings.classifiers)
    return settings, roster


def _config(settings: StserSettings, roster: Roster) -> dict[str, Any]:
    """What `config.json` holds; what a roster leaves empty is left out."""
    import msgspec

    config: dict[str, Any] = msgspec.to_builtins(settings)
    return config | {key: value for key, value in msgspec.to_builtins(roster).items() if value}


@contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """A folder to write a checkpoint into, which takes `folder`'s place when all is written."""
    from safetensors import SafetensorError

    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONFIG_FILE).is_file():
        raise OutputError(f"{folder} holds something that is no checkpoint; name another folder.")
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        _swap(partial, folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"The checkpoint {folder} cannot be written ({reason}).") from error


def _indented(settings: object) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"


def _swap(new: Path, folder: Path) -> None:
    """Put a finished folder in an older one's place; an interruption never leaves half of either."""
    old = folder.with_name(folder.name + ".replaced")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _built(settings: StserSettings, folder: Path) -> Stser:
    from stser_core.stser import Stser

    try:
        return Stser(settings)
    except CheckpointError:
        raise
    except Exception as error:  # torch and transformers refuse impossible sizes with all kinds of errors
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no model that can be built ({reason}).") from error


def _load_weights(model: Stser, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as model weights ({error}).") from error
    wanted = _weights(model)
    missing, unknown = sorted(wanted.keys() - weights.keys()), sorted(weights.keys() - wanted.keys())
    wrong = [key for key in wanted if key in weights and weights[key].shape != wanted[key].shape]
    if missing or unknown or wrong:
        first = (missing + unknown + wrong)[0]
        raise CheckpointError(
            f"{path} does not fit its {CONFIG_FILE}: {len(missing)} tensors are missing, {len(unknown)} unknown "
            f"and {len(wrong)} of another shape, {first} among them."
        )
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path} holds values that are no numbers, in {broken[0]}.")
    model.load_state_dict(weights, strict=False)


def _stored(key: str, value: Tensor) -> Tensor:
    """A tensor as it lies in the file: those of the text encoder, by far the most, in half precision.

    A model that is loaded computes in single precision all the same.
    """
    import torch

    plain = value.detach().cpu().contiguous()
    return plain.to(torch.float16) if key.startswith(_TEXT_ENCODER) and plain.is_floating_point() else plain


def _weights(model: Stser) -> dict[str, Tensor]:
    """The learnt state; the mel filter bank follows from the settings and stays out."""
    return {key: value for key, value in model.state_dict().items() if not key.startswith("logmel.")}


def _from_hub(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(_WANTED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f"There is no folder {hub_id}, and the checkpoint cannot be had from the Hugging Face Hub ({reason})."
        ) from error


def _shipped() -> Path:
    """Where the program's own checkpoints lie: inside the installed package, or beside it in a working copy."""
    package = Path(__file__).parent
    installed = package / "_checkpoints"
    return installed if installed.is_dir() else package.parent / "checkpoints"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
