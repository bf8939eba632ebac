"""An archive's settings: all results in one folder are made with the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.options import AnalysisOptions
from monitor.transcribers import Transcriber
from stser_core.errors import DataError, UsageError
from stser_core.files import written

if TYPE_CHECKING:
    from stser_core.recognizer import EmotionRecognizer

FORMAT = 1

_ORIGIN = {
    "checkpoint_sum": "content of the checkpoint",
    "language": "language of --asr",
    "accelerator": "--runtime, or on another accelerator",
}
"""The origin of a setting that is not the whole of the option of its name."""


def archive_settings(
    options: AnalysisOptions, recognizer: EmotionRecognizer, transcriber: Transcriber
) -> dict[str, object]:
    """All that the rows depend on besides the recordings: the options, with `auto` and names resolved."""
    from stser_core.checkpoint import resolve
    from stser_core.ensemble import format_prior

    settings = {
        **asdict(replace(options.scoring, checkpoint=recognizer.name, prior=format_prior(recognizer.prior))),
        "checkpoint_sum": sum_of(resolve(options.scoring.checkpoint)),
        **asdict(options.segmentation),
        **asdict(options.recording),
        **asdict(options.transcription),
        "asr": transcriber.name,
        "language": options.transcription.transcriber().language,
        # A GPU and the onnx runtime round otherwise than torch on a CPU.
        "accelerator": recognizer.accelerator if options.scoring.runtime == "torch" else "onnx",
    }
    del settings["runtime"]  # the accelerator says it
    return settings


@dataclass(frozen=True)
class _File:
    format: int
    settings: Mapping[str, object]


def sum_of(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder but its texts (`*.md`) and graphs (`onnx`)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".md" and path.parent != folder / "onnx":
            digest.update(path.relative_to(folder).as_posix().encode(errors="backslashreplace") + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def check_settings(path: Path, settings: Mapping[str, object], temporary: Path) -> None:
    """Write an archive's settings, or check that they are the same as before.

    Other settings are refused, because a table of mixed rows is useless, and a wrong option must not discard weeks of
    work.

    Raises:
        UsageError: The archive was made with other settings.
        DataError: The file is damaged.
        OutputError: It cannot be written.
    """
    if not path.exists():
        content = msgspec.json.format(msgspec.json.encode(_File(FORMAT, settings)), indent=2)
        with written(path, temporary) as file:
            file.write(content + b"\n")
        return
    before = read_settings(path)
    for name, value in settings.items():
        if before.get(name) != value:
            origin = _ORIGIN.get(name, "--" + name.replace("_", "-"))
            raise UsageError(
                f"The archive '{path.parent}' was made with another {origin} ({_shown(before.get(name))}, now "
                f"{_shown(value)}); repeat its options, or give another folder with --out."
            )


def read_settings(path: Path) -> Mapping[str, object]:
    """Read an archive's settings.

    Raises:
        DataError: The file is missing or damaged, or of a later version of this program.
    """
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise DataError(
            f"'{path.parent}' is not an archive: it has no {path.name}; stser-monitor archive makes one."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' is damaged ({error}), so '{path.parent}' cannot be continued.") from error
    if file.format != FORMAT:
        raise DataError(f"'{path.parent}' is an archive of format {file.format}; this program reads format {FORMAT}.")
    return file.settings


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    text = str(value)
    return text if len(text) <= 60 else f"{text[:12]}…"
