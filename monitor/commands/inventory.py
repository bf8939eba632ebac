"""The commands `models` and `devices`, and the versions of the packages."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Argument

import stser_core
from monitor.commands.notices import PROGRAM, Notices
from monitor.counted import counted
from monitor.options import Quiet
from stser_core.errors import DownloadError

_PARTS = (
    "torch",
    "torchaudio",
    "transformers",
    "vosk",
    "faster-whisper",
    "webrtcvad-wheels",
    "sounddevice",
    "av",
    "rich",
    "typer",
)


def print_models() -> None:
    """Print the transcribers, checkpoints and text encoders on this machine, and the models that can be fetched."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from monitor.transcribers import vosk_models, whisper_models
    from stser_core import checkpoint

    present = vosk_models.installed()
    whispers = [(f"whisper {one.name}", one.folder) for one in whisper_models.installed()]
    _print_table("transcribers", [*((one.name, one) for one in present), *whispers])
    if voices := vosk_models.find_speaker_model():
        _print_table("speaker models", [(voices.name, voices)])
    _print_table("checkpoints", [(path.name, path) for path in checkpoint.available()])
    cached = sorted(Path(HF_HUB_CACHE).glob("models--*albert*"))  # in the Hub's cache: `models--owner--name`
    texts = [(folder.name.removeprefix("models--").replace("--", "/"), folder) for folder in cached]
    _print_table("text encoders", texts)
    missing = vosk_models.KNOWN.keys() - {one.name for one in present}
    if missing:
        print("can be fetched")
    for name in sorted(missing):
        model = vosk_models.KNOWN[name]
        print(f"  {name}  {_megabytes(model.size)}  {model.licence}  {PROGRAM} models fetch {name}")


def fetch_model(
    name: Annotated[str, Argument(metavar="NAME", help="vosk-small-en, or a Whisper size: whisper-base.")],
    quiet: Quiet = False,
) -> None:
    """Fetch a model by name."""
    from monitor.commands.models import fetch, fetch_whisper
    from monitor.transcribers import vosk_models, whisper_models

    notices = Notices(quiet)
    if name in vosk_models.KNOWN:
        folder = fetch(name, notices)
    elif name.startswith("whisper-") and (whisper_models.is_size(name) or not whisper_models.is_available()):
        folder = fetch_whisper(name, notices).folder
    else:
        raise DownloadError(
            f"No model called {name!r} can be fetched; there are {', '.join(vosk_models.KNOWN)}, and whisper- with a "
            "size, such as whisper-base."
        )
    notices.say(f"{name} is in {folder}.")


def print_devices() -> None:
    """List the microphones and other inputs."""
    from monitor.sources.port_audio import inputs

    devices = inputs()
    if not devices:
        print("No input device was found.")
    for device in devices:
        mark, channels = "*" if device.default else " ", counted(device.channels, "channel")
        print(f"{mark} {device.index:3d}  {device.name}  ({channels}, {device.sample_rate} Hz)")


def version_lines() -> list[str]:
    """The program's version; then those of its parts, and the checkpoints with their licences."""
    from stser_core import checkpoint

    return [
        f"{PROGRAM} {stser_core.__version__}",
        f"Python {platform.python_version()} on {platform.platform()}",
        *(f"{part} {_version(part)}" for part in _PARTS),
        *(f"checkpoint {path.name}: {_licence(path)}" for path in checkpoint.available()),
    ]


def _print_table(title: str, rows: Sequence[tuple[str, Path]]) -> None:
    """Print the name, the size and the path of folders."""
    print(title)
    if not rows:
        print("  none")
    for name, folder in rows:
        files = {path.resolve() for path in folder.rglob("*") if path.is_file()}  # the Hub's cache links to its files
        print(f"  {name}  {_megabytes(sum(path.stat().st_size for path in files))}  {folder}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _version(part: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return "is not installed"


def _licence(folder: Path) -> str:
    """The licence that a model card's front matter names (Hugging Face Hub, "Model Cards")."""
    from stser_core.checkpoint import CARD_FILE

    card = folder / CARD_FILE
    if not card.is_file():
        return "no model card"
    front_matter = card.read_text(encoding="utf-8").partition("\n---")[0]
    named = re.search(r"^license(?:_name)?: *(?!other)(\S+)", front_matter, re.MULTILINE)
    return f"{named[1]}, see {card}" if named else f"see {card}"
