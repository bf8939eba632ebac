"""The commands that read timelines, as Typer takes them: `export`, `analytics`, `report` and `archive-report`.

Each raises a `UsageError` where options do not fit, a `DataError` where the timeline cannot be read or does not suit,
and an `OutputError` where the output cannot be written; an older file is then left as it was.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from monitor.commands.notices import PROGRAM, Notices
from monitor.options import NoTranscript, Output, Quiet, Recording, Timeline
from stser_core.errors import UsageError
from stser_core.files import STDOUT, check_not_input, check_writable, is_recording, write_whole

if TYPE_CHECKING:
    from monitor.timeline.file import TimelineFile

_LISTED = 5
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
    recording: Recording = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Write a timeline in another program's format."""
    from monitor.exporters.formats import ALIASES, FORMATS

    chosen = FORMATS.get(ALIASES.get(to.lower(), to.lower()))
    if chosen is None:
        raise UsageError(f"--to '{to}' is not a format; choose from {', '.join(FORMATS)}.")
    notices = Notices(quiet)
    file = _read(timeline, recording, notices, no_transcript, several=chosen.table)
    target = _beside(timeline, chosen.ending, recording) if output is None else output
    if target == STDOUT and chosen.binary and sys.stdout.isatty():
        raise UsageError(f"{to} is not for a terminal; name a file with -o, or use a pipe.")
    check_not_input(target, timeline, "the timeline")
    if file.notes and chosen.notes is None:
        said = "1 mark or alert has" if len(file.notes) == 1 else f"{len(file.notes)} marks and alerts have"
        notices.say(f"{said} no place in {to}.")
    _write(target, chosen.made(file.turns, file.notes), notices)


def _beside(timeline: Path, ending: str, recording: str | None) -> str:
    """The file beside a timeline, or of one of its recordings, that is written where none is named."""
    if not timeline.is_file():
        raise UsageError(f"'{timeline}' is a pipe, beside which nothing can be written; name a file with -o.")
    # The whole name, as recordings of one name may come from several folders.
    of = "" if recording is None else "." + re.sub(r"[\\/:]+", "_", recording)
    target = timeline.with_suffix(of + ending)
    # One that `--jsonl` may have written holds more than an export.
    if ending == ".jsonl" and target.exists() and not target.samefile(timeline):
        raise UsageError(f"'{target}' exists already; name a file with -o.")
    return str(target)


def analytics(
    timeline: Timeline,
    output: Output = None,
    recording: Recording = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Show the metrics of a call, or write them as JSON: talk time, emotions, pauses, interruptions."""
    from monitor.analytics.call import analyse
    from monitor.analytics.results import to_json

    if output is not None:
        check_not_input(output, timeline, "the timeline")
    call = analyse(_read(timeline, recording, Notices(quiet), no_transcript).turns)
    if output is not None:
        write_whole(output, to_json(call).encode())
        return
    from rich.console import Console

    from monitor.display.summary import print_analytics

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
    recording: Recording = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Make a page of a timeline that opens in any browser, with no network: to see, search and hear a call."""
    from monitor.report.page import render

    if track is not None and audio is None:
        raise UsageError("--track has no effect without --audio.")
    notices = Notices(quiet)
    file = _read(timeline, recording, notices, no_transcript)
    page = _beside(timeline, ".html", recording) if output is None else output
    if audio is not None:
        check_not_input(page, audio, "the recording")
    check_not_input(page, timeline, "the timeline")
    check_writable(page)
    sound = None
    if audio is not None:
        from monitor.pipeline.opening import track_choice
        from monitor.report.sound import encode

        sound = encode(audio, track_choice(track))
    title = recording or timeline.name
    _write(page, render(file.turns, file.notes, title, sound=sound, transcripts=not no_transcript), notices)


def archive_report(
    timelines: Annotated[Path, Argument(metavar="FOLDER", help="The folder that archive --out named.")],
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Make an overview page of an archive: its days, the calls that stand out, and all calls."""
    from monitor.archive.folder import OVERVIEW, SETTINGS
    from monitor.archive.overview import make_overview, render_overview
    from monitor.exporters.parquet import require_parquet

    require_parquet("An archive")
    target = str(timelines / OVERVIEW) if output is None else output
    check_not_input(target, timelines / SETTINGS, "the archive's settings")
    overview = make_overview(timelines, Path.cwd() if target == STDOUT else Path(target).resolve().parent)
    check_writable(target)
    _write(target, render_overview(overview), Notices(quiet))


def _read(
    timeline: Path, recording: str | None, notices: Notices, no_transcript: bool, *, several: bool = False
) -> TimelineFile:
    """Read a timeline, with what was said or without: of the recording that is named, or of the only one.

    Raises:
        UsageError: There is no such recording, or none is named, and there are several where these do not suit.
    """
    from monitor.timeline.file import read_timeline

    if is_recording(timeline):
        csv = timeline.with_suffix(".timeline.csv" if timeline.suffix == ".csv" else ".csv").name
        raise UsageError(
            f"'{timeline}' is a recording, not a timeline; {PROGRAM} replay {timeline} --csv {csv} makes one."
        )
    file = read_timeline(timeline)
    for notice in file.notices:
        notices.say(notice)
    if no_transcript:
        file = file.without_words()
    names = list(dict.fromkeys(turn.recording for turn in file.turns))
    listed = ", ".join(f"'{name}'" for name in names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    if recording is None:
        if len(names) > 1 and not several:
            raise UsageError(f"'{timeline}' holds {len(names)} recordings ({listed}); choose one with --recording.")
        return file
    if recording not in names:
        raise UsageError(f"'{timeline}' has no recording '{recording}'; it has {listed or 'none'}.")
    return replace(file, turns=tuple(turn for turn in file.turns if turn.recording == recording))


def _write(target: str, content: bytes, notices: Notices) -> None:
    write_whole(target, content)
    if target != STDOUT:
        notices.say(f"Wrote '{target}'.")
