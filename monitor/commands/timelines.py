"""The commands that read timelines: `export`, `analytics`, `report` and `archive-report`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from monitor.analytics.call import analyse
from monitor.analytics.results import to_json
from monitor.archive.recordings import is_recording
from monitor.commands.notices import PROGRAM, Notices
from monitor.exporters.formats import ALIASES, FORMATS, Format
from monitor.timeline.file import TimelineFile, read_timeline
from monitor.timeline.notes import read_notes
from monitor.timeline.turn import Turn
from stser_core.errors import DataError, UsageError
from stser_core.files import STDOUT, check_not_input, check_writable, write_whole


def export(
    timeline: Path, to: str, output: str | None = None, *, transcripts: bool = True, quiet: bool = False
) -> None:
    """Read a timeline and write it in another format.

    Args:
        timeline: What `read_timeline` reads.
        to: The format's name, in any case.
        output: Where to write; `-` is standard output. By default a file beside the timeline, with the format's
            ending.
        transcripts: Whether words are written.
        quiet: Whether to show only errors.

    Raises:
        UsageError: The format is unknown, or the output is the timeline itself or, where none was named, there.
        DataError: The timeline cannot be read or does not suit the format.
        OutputError: The output cannot be written; an older file is then left as it was.
        MissingExtraError: The format needs a library that is not installed.
    """
    chosen = FORMATS.get(ALIASES.get(to.lower(), to.lower()))
    if chosen is None:
        raise UsageError(f"--to '{to}' is not a format; choose from {', '.join(FORMATS)}.")
    notices = Notices(quiet)
    file = _read(timeline, notices)
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
    stream = io.BytesIO()
    chosen.write(_turns(file, transcripts=transcripts), stream)
    marks, alerts = read_notes(file.notes)
    total = len(marks) + len(alerts)
    if chosen.write_notes is not None:
        chosen.write_notes((*marks, *alerts), stream)
    elif total:
        notices.say(f"{'1 mark or alert has' if total == 1 else f'{total} marks and alerts have'} no place in {to}.")
    _write(target, stream.getvalue(), notices)


def _beside(timeline: Path, chosen: Format) -> str:
    """The file beside a timeline that a format goes to."""
    target = timeline.with_suffix(chosen.ending)
    # One that `--jsonl` may have written holds more than an export.
    if chosen.ending == ".jsonl" and target.exists() and not target.samefile(timeline):
        raise UsageError(f"'{target}' exists already; name a file with -o.")
    return str(target)


def analytics(timeline: Path, output: str | None = None, *, transcripts: bool = True, quiet: bool = False) -> None:
    """Make the figures of a call from its timeline.

    Args:
        timeline: What `read_timeline` reads.
        output: Where to write them as JSON; `-` is standard output. Without it they are shown.
        transcripts: Whether words are written.
        quiet: Whether to show only results and errors.

    Raises:
        UsageError: The output is the timeline itself.
        DataError: The timeline cannot be read, or holds more than one recording.
        OutputError: The output cannot be written.
    """
    if output is not None:
        check_not_input(output, timeline, "the timeline")
    call = analyse(_turns(_read(timeline, Notices(quiet)), transcripts=transcripts))
    if output is not None:
        write_whole(output, to_json(call).encode())
        return
    from rich.console import Console

    from monitor.display.analytics import print_analytics

    console = Console(highlight=False)
    if call.speakers:
        print_analytics(console, call)
    else:
        console.print("No speech was found.")


def report(
    timeline: Path,
    audio: Path | None = None,
    output: str | None = None,
    *,
    track: str | None = None,
    transcripts: bool = True,
    quiet: bool = False,
) -> None:
    """Make a call's report.

    Args:
        timeline: What `read_timeline` reads.
        audio: The recording that the timeline was made from, which becomes part of the page, or `None`.
        output: Where to write the page; `-` is standard output. By default beside the timeline.
        track: The recording's audio track, as `replay --track` takes it.
        transcripts: Whether words are written.
        quiet: Whether to show only errors.

    Raises:
        UsageError: The output is one of the inputs.
        DataError: The timeline cannot be read, or holds more than one recording.
        AudioError: The recording cannot be decoded, or is shorter than the timeline.
        OutputError: The output cannot be written; an older file is then left as it was.
    """
    from monitor.report import make_report, render

    notices = Notices(quiet)
    file = _read(timeline, notices)
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
    turns = _turns(file, transcripts=transcripts)
    content = make_report(turns, file.notes, timeline.name, sound=sound, transcripts=transcripts)
    _write(page, render(content), notices)


def archive_report(root: Path, output: str | None = None, *, quiet: bool = False) -> None:
    """Make an archive's overview page.

    Args:
        root: The archive's folder.
        output: Where to write the page; `-` is standard output. By default `overview.html` in the archive.
        quiet: Whether to show only errors.

    Raises:
        UsageError: The output is the archive's settings.
        MissingExtraError: pyarrow is not installed.
        DataError: It is not an archive, holds no call, or is damaged.
        OutputError: The page cannot be written.
    """
    from monitor.archive.folder import OVERVIEW, SETTINGS
    from monitor.archive.overview import make_overview, render_overview
    from monitor.archive.tables import require_parquet

    require_parquet()
    target = str(root / OVERVIEW) if output is None else output
    check_not_input(target, root / SETTINGS, "the archive's settings")
    overview = make_overview(root, Path.cwd() if target == STDOUT else Path(target).resolve().parent)
    check_writable(target)
    _write(target, render_overview(overview), Notices(quiet))


def _read(timeline: Path, notices: Notices) -> TimelineFile:
    if is_recording(timeline):
        csv = timeline.with_suffix(".timeline.csv" if timeline.suffix == ".csv" else ".csv").name
        raise UsageError(
            f"'{timeline}' is a recording, not a timeline; {PROGRAM} replay {timeline} --csv {csv} makes one."
        )
    file = read_timeline(timeline)
    for notice in file.notices:
        notices.say(notice)
    return file


def _turns(file: TimelineFile, *, transcripts: bool) -> tuple[Turn, ...]:
    return tuple(file.turns) if transcripts else tuple(turn.without_words() for turn in file.turns)


def _write(target: str, content: bytes, notices: Notices) -> None:
    write_whole(target, content)
    if target != STDOUT:
        notices.say(f"Wrote '{target}'.")
