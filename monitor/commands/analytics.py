"""`stser-monitor analytics`: the figures of a call from its timeline, on the screen or as JSON."""

from __future__ import annotations

from pathlib import Path

from monitor.analytics import CallAnalytics, analyse, to_json
from monitor.commands.notices import Notices
from monitor.timeline.file import read_timeline
from stser_core.files import check_not_input, write_whole


def analytics(
    timeline: Path,
    output: str | None = None,
    *,
    duration_s: float | None = None,
    transcripts: bool = True,
    quiet: bool = False,
) -> None:
    """Make the figures of a call from its timeline.

    Args:
        timeline: CSV or JSON Lines, as `--csv` and `--jsonl` write it.
        output: Where to write them as JSON; `-` is standard output. Without it they are shown.
        duration_s: Length of the recording, where a silence after the last turn should count.
        transcripts: Whether words are written.
        quiet: Whether to say nothing but errors.

    Raises:
        UsageError: The output is the timeline itself.
        DataError: The timeline cannot be read, or holds more than one recording.
        OutputError: The output cannot be written.
    """
    if output is not None:
        check_not_input(output, timeline, "the timeline")
    file = read_timeline(timeline)
    notices = Notices(quiet)
    for notice in file.notices:
        notices.say(notice)
    rows = file.turns if transcripts else [row.without_words() for row in file.turns]
    call = analyse(rows, duration_s)
    if output is None:
        _show(call)
    else:
        save_analytics(call, output)


def save_analytics(call: CallAnalytics, output: str) -> None:
    """Write the figures of a call as JSON.

    Args:
        call: The figures.
        output: A file's path, or `-` for standard output.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(output, to_json(call).encode())


def _show(call: CallAnalytics) -> None:
    from rich.console import Console

    from monitor.display.analytics import print_analytics

    console = Console(highlight=False)
    if call.speakers:
        print_analytics(console, call)
    else:
        console.print("No speech was found.")
