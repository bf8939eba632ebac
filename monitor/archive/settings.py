"""What an archive was made with: one folder holds results of one kind only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from monitor.archive.durable import write_durably
from stser_core.errors import DataError, UsageError

FORMAT = 1

_OPTIONS = {
    "channels": "--channels",
    "score_agents": "--score-agents",
    "transcripts": "--no-transcript",
    "explain": "--explain",
    "checkpoint": "--checkpoint",
    "checkpoint_sum": "--checkpoint",
    "classifiers": "--classifier",
    "prior": "--prior",
    "speaker_baseline": "--no-speaker-baseline",
    "accelerator": "--accelerator",
    "transcriber": "--asr or --asr-model",
    "language": "--language",
    "speakers": "--speakers",
}


@dataclass(frozen=True)
class ArchiveSettings:
    """All that the rows depend on, beside the recordings.

    Attributes:
        channels: What `--channels` says.
        score_agents: Whether the emotion of agents is scored.
        transcripts: Whether words are kept.
        explain: Whether it is kept where the attention rested.
        checkpoint: The checkpoint's name.
        checkpoint_sum: SHA-256 of its files.
        classifiers: Those that take part.
        accelerator: Where the model runs; a GPU rounds otherwise than a CPU.
        transcriber: The speech recogniser's name and model.
        language: What `--language` says.
        speakers: What `--speakers` says.
        prior: The class prior that was applied, as `--prior` takes it; `even` for none.
        speaker_baseline: Whether frames are normalised by each speaker's neutral baseline.
    """

    channels: str | None
    score_agents: bool
    transcripts: bool
    explain: bool
    checkpoint: str
    checkpoint_sum: str
    classifiers: tuple[str, ...]
    accelerator: str
    transcriber: str
    language: str | None
    speakers: int | None = None
    prior: str = "even"
    speaker_baseline: bool = True


@dataclass(frozen=True)
class _File:
    format: int
    settings: Mapping[str, object]


def sum_of(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder but its texts (`*.md`)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".md":
            digest.update(path.relative_to(folder).as_posix().encode(errors="backslashreplace") + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def settle(path: Path, settings: ArchiveSettings, aside: Path) -> None:
    """Write down an archive's settings, or make sure that they are what they were.

    Others are refused rather than done again: a table of two kinds of rows answers no question, and a slip in an
    option must not cost what weeks have made.

    Args:
        path: The archive's file for it.
        settings: Those of this run.
        aside: See `write_durably`.

    Raises:
        UsageError: The archive was made with other settings.
        DataError: The file is damaged.
        OutputError: It cannot be written.
    """
    now = json.loads(json.dumps(asdict(settings)))  # as it is read back: a tuple becomes a list
    if not path.exists():
        content = msgspec.json.format(msgspec.json.encode(_File(FORMAT, now)), indent=2)
        write_durably(path, content + b"\n", aside)
        return
    before = read_settings(path)
    for name, value in now.items():
        if before.get(name) != value:
            raise UsageError(
                f"The archive '{path.parent}' was made with another {_OPTIONS[name]} ({_shown(before.get(name))}, now "
                f"{_shown(value)}); repeat its options, or give another folder with --out."
            )


def read_settings(path: Path) -> Mapping[str, object]:
    """Read what an archive was made with.

    Raises:
        DataError: The file is missing or damaged, or of a later version of this program.
    """
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise DataError(
            f"'{path.parent}' is no archive: it has no {path.name}; stser-monitor archive makes one."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' is damaged ({error}), so '{path.parent}' cannot be taken up again.") from error
    if file.format != FORMAT:
        raise DataError(f"'{path.parent}' is an archive of format {file.format}; this program knows format {FORMAT}.")
    return file.settings


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, (list, tuple)):
        return " + ".join(map(str, value))
    text = str(value)
    return text if len(text) <= 60 else f"{text[:12]}…"
