"""Whisper models: where they are looked for, and how one is fetched from the Hugging Face Hub."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from stser_core.errors import DownloadError, MissingExtraError, TranscriberError, reason

DEFAULT = "base"
_PREFIX = "whisper-"
_OWNERS = "Systran/faster-whisper-"  # the Hub's prefix of faster-whisper's models
_PREFERRED = (DEFAULT, "base.en", "small", "small.en", "tiny", "tiny.en")
_FILES = ("model.bin", "config.json", "tokenizer.json")


class WhisperFolder(NamedTuple):
    """A model that is present: what `--asr whisper:` calls it, and where it is."""

    name: str
    folder: Path


def is_available() -> bool:
    """Whether the extra `[whisper]` is installed."""
    return importlib.util.find_spec("faster_whisper") is not None


def is_model(folder: Path) -> bool:
    """Whether a folder holds a Whisper model in CTranslate2's format."""
    return all((folder / name).is_file() for name in _FILES)


def name_of(folder: Path) -> str:
    """A model's name by its folder: `base` for `whisper-base`."""
    return folder.resolve().name.removeprefix(_PREFIX)


def installed() -> list[WhisperFolder]:
    """The models in the Hugging Face Hub's cache, by preference.

    The cache has a folder `models--owner--name` for each model, and a snapshot in it for each revision.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    found = {}
    for snapshot in sorted(Path(HF_HUB_CACHE).glob("models--*whisper*/snapshots/*"), reverse=True):
        if is_model(snapshot):
            hub_id = snapshot.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
            found[size_of(hub_id)] = WhisperFolder(size_of(hub_id), snapshot)
    order = {name: place for place, name in enumerate(_PREFERRED)}
    return sorted(found.values(), key=lambda one: (order.get(one.name, len(order)), one.name))


def find(name_or_dir: str | None = None) -> WhisperFolder | None:
    """Look for a model: a folder or a name, or else the best of those that are present.

    Returns `None` where there is none yet; a size or a Hub id can be fetched. Raises `TranscriberError` where a folder
    was named that does not exist or holds no model.
    """
    if name_or_dir is None:
        return next(iter(installed()), None)
    folder = Path(name_or_dir).expanduser()
    if is_model(folder):
        return WhisperFolder(name_of(folder), folder)
    if folder.exists():
        raise TranscriberError(
            f"{name_or_dir} is not a Whisper model (it needs model.bin, config.json and tokenizer.json)."
        )
    if folder.is_absolute() or name_or_dir.startswith(".") or name_or_dir.count("/") > 1:
        raise TranscriberError(f"The Whisper model {name_or_dir} does not exist; name a folder or a size (small).")
    return next((one for one in installed() if one.name == size_of(name_or_dir)), None)


def fetch(name: str) -> WhisperFolder:
    """Fetch a model into the Hugging Face Hub's cache, unless it is there: by its size, such as `small`, or its Hub id.

    Raises `MissingExtraError` without faster-whisper; `DownloadError` where there is no such model, or no network.
    """
    if not is_available():
        raise MissingExtraError("Whisper", "whisper")
    from faster_whisper import download_model
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    size = size_of(name)
    try:
        folder = Path(download_model(size))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        here = " is not a folder here, and" if "/" in name else ""
        raise DownloadError(
            f"Whisper {size}{here} could not be downloaded from the Hugging Face Hub ({reason(error)})."
        ) from error
    if not is_model(folder):
        raise DownloadError(f"{name} is not a Whisper model in CTranslate2's format.")
    return WhisperFolder(size, folder)


def size_of(name: str) -> str:
    """A size as it is written without the family's name: `base` for `whisper-base` and for its Hub id."""
    return name.removeprefix(_OWNERS).removeprefix(_PREFIX)


def is_size(name: str) -> bool:
    """Whether faster-whisper knows a model by this name, or it looks like the Hub id of one."""
    if not is_available():
        return False
    from faster_whisper import available_models

    return size_of(name) in available_models() or (name.count("/") == 1 and "whisper" in name.lower())
