"""Fetches a model while a progress bar shows how far it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.notices import Notices

if TYPE_CHECKING:
    from monitor.transcribers.whisper_models import WhisperFolder


def fetch(name: str, notices: Notices) -> Path:
    """Fetch a model of the speech recogniser into the user's cache.

    Args:
        name: See `monitor.transcribers.models.KNOWN`.
        notices: Says what is fetched where there is no terminal for the bar; quiet hides both.

    Returns:
        The model's folder.

    Raises:
        DownloadError: The name is not known, there is no network, or what came is not what it should be.
    """
    from monitor.transcribers import models

    if notices.quiet or not sys.stderr.isatty():
        notices.say(f"fetching {name}.")
        return models.fetch(name)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        return models.fetch(name, lambda done, total: bar.update(task, completed=done, total=total))


def fetch_whisper(name: str, notices: Notices) -> WhisperFolder:
    """Fetch a Whisper model into the Hugging Face Hub's cache; large ones take minutes.

    Args:
        name: A size, such as `base`, or a Hub id.
        notices: Says what is fetched.

    Raises:
        DownloadError: There is no such model, or no network.
        MissingExtraError: faster-whisper is not installed.
    """
    from monitor.transcribers import whisper_models

    notices.say(f"fetching Whisper {whisper_models.size_of(name)} from the Hugging Face Hub.")
    return whisper_models.fetch(name)
