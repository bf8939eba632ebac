"""The commands that read timelines, as Typer takes them: `export`, `analytics`, `report` and `archive-report`.

Each raises a `UsageError` where options do not fit, a `DataError` where the timeline cannot be read or does not suit,
and an `OutputError` where the output cannot be written; an older file is then left as it was.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from monitor.commands.notices import PROGRAM, Notices
from monitor.options import NoTranscript, Output, Quiet, Timeline
from stser_core.errors import DataError, UsageError
from stser_core.files import STDOUT, check_not_input, check_writable, write_whole

if TYPE_CHECKING:
    from monitor.exporters.formats import Format
    from monitor.timeline.file import TimelineFile
    from monitor.timeline.notes import Note

_FULL_WIDTH = 10_000
"""Cells of a line that no terminal cuts."""


def export(
    timeline: Timeline,
    to: Annotated[
        str,
        Option(
            metavar="FORMAT", help="excel, jsonl, webvtt, srt, audacity, textgrid, eaf, emotionml, rttm or parquet."
        ),
    ],
    output: Output = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Write a timeline in another program's format."""
    from monitor.exporters.formats import ALIASES, FORMATS
    from monitor.timeline.notes import read_notes

    chosen = FORMATS.get(ALIASES.get(to.lower(), to.lower()))
    if chosen is None:
        raise UsageError(f"--to '{to}' is not a format; choose from {', '.join(FORMATS)}.")
    notices = Notices(quiet)
    file = _read(timeline, notices, no_transcript)
    target = _beside(timeline, chosen) if output is None else output
    if target == STDOUT and chosen.binary and sys.stdout.isatty():
        raise UsageError(f"{to} is not for a terminal; name a file with -o, or use a pipe.")
    check_not_input(target, timeline, "the timeline")
    recordings = {turn.recording for turn in file.turns}
    if len(recordings) > 1 and not chosen.table:
        tables = " or ".join(name for name, each in FORMATS.items() if each.table)
        raise DataError(
            f"'{timeline}' holds {len(recordings)} recordings, but {to} has the time of one; "
            f"export each by itself, or to {tables}."
        )
    marks, alerts = read_notes(file.notes)
    notes: tuple[Note, ...] = (*marks, *alerts)
    if notes and chosen.notes is None:
        said = "1 mark or alert has" if len(notes) == 1 else f"{len(notes)} marks and alerts have"
        notices.say(f"{said} no place in {to}.")
    _write(target, chosen.made(file.turns, notes), notices)


def _beside(timeline: Path, chosen: Format) -> str:
    """The file beside a timeline that a format goes to."""
    target = timeline.with_suffix(chosen.ending)
    # One that `--jsonl` may have written holds more than an export.
    if chosen.ending == ".jsonl" and target.exists() and not target.samefile(timeline):
        raise UsageError(f"'{target}' exists already; name a file with -o.")
    return str(target)


def analytics(
    timeline: Timeline, output: Output = None, no_transcript: NoTranscript = False, quiet: Quiet = False
) -> None:
    """Show the figures of a call, or write them as JSON: talk time, emotions, pauses, interruptions."""
    from monitor.analytics.call import analyse
    from monitor.analytics.results import to_json

    if output is not None:
        check_not_input(output, timeline, "the timeline")
    call = analyse(_read(timeline, Notices(quiet), no_transcript).turns)
    if output is not None:
        write_whole(output, to_json(call).encode())
        return
    from rich.console import Console

    from monitor.display.analytics import print_analytics

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FULL_WIDTH)
    if call.speakers:
        print_analytics(console, call)
    else:
        console.print("No speech was found.")


def report(
    timeline: Timeline,
    audio: Annotated[Path | None, Option(metavar="FILE", help="The recording, so that the page can play it.")] = None,
    track: Annotated[
        str | None, Option(metavar="N|all", help="The recording's audio track, as replay --track takes it.")
    ] = None,
    output: Output = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Make a page of a timeline that opens in any browser, with no network: to see, search and hear a call."""
    from monitor.report.content import make_report
    from monitor.report.page import render

    notices = Notices(quiet)
    file = _read(timeline, notices, no_transcript)
    page = str(timeline.with_suffix(".html")) if output is None else output
    for source in (timeline, audio):
        if source is not None and page != STDOUT and Path(page).resolve() == source.resolve():
            raise UsageError(f"The output '{page}' is one of the inputs; choose another file.")
    check_writable(page)
    sound = None
    if audio is not None:
        from monitor.pipeline.opening import track_choice
        from monitor.report.sound import encode

        sound = encode(audio, track_choice(track))
    content = make_report(file.turns, file.notes, timeline.name, sound=sound, transcripts=not no_transcript)
    _write(page, render(content), notices)


def archive_report(
    timelines: Annotated[Path, Argument(metavar="FOLDER", help="The folder that archive --out named.")],
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Make an overview page of an archive: its days, the calls that stand out, and all calls."""
    from monitor.archive.folder import OVERVIEW, SETTINGS
    from monitor.archive.overview import make_overview, render_overview
    from monitor.archive.tables import require_parquet

    require_parquet()
    target = str(timelines / OVERVIEW) if output is None else output
    check_not_input(target, timelines / SETTINGS, "the archive's settings")
    overview = make_overview(timelines, Path.cwd() if target == STDOUT else Path(target).resolve().parent)
    check_writable(target)
    _write(target, render_overview(overview), Notices(quiet))


def _read(timeline: Path, notices: Notices, no_transcript: bool) -> TimelineFile:
    """Read a timeline, with what was said or without."""
    from monitor.archive.recordings import is_recording
    from monitor.timeline.file import read_timeline

    if is_recording(timeline):
        csv = timeline.with_suffix(".timeline.csv" if timeline.suffix == ".csv" else ".csv").name
        raise UsageError(
            f"'{timeline}' is a recording, not a timeline; {PROGRAM} replay {timeline} --csv {csv} makes one."
        )
    file = read_timeline(timeline)
    for notice in file.notices:
        notices.say(notice)
    return file.without_words() if no_transcript else file


def _write(target: str, content: bytes, notices: Notices) -> None:
    write_whole(target, content)
    if target != STDOUT:
        notices.say(f"Wrote '{target}'.")
