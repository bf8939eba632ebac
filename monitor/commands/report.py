"""`stser-monitor report`: a timeline as a page that opens from disk."""

from __future__ import annotations

from pathlib import Path

from monitor.commands.notices import Notices
from monitor.timeline.file import read_timeline
from stser_core.errors import UsageError
from stser_core.files import STDOUT, check_writable, write_whole


def report(
    timeline: Path,
    audio: Path | None = None,
    output: str | None = None,
    *,
    transcripts: bool = True,
    quiet: bool = False,
) -> None:
    """Make a call's report.

    Args:
        timeline: What `read_timeline` reads.
        audio: The recording that the timeline was made from, which becomes part of the page, or `None`.
        output: Where to write the page; `-` is standard output. By default beside the timeline.
        transcripts: Whether words are written.
        quiet: Whether to say nothing but errors.

    Raises:
        UsageError: The output is one of the inputs.
        DataError: The timeline cannot be read, or holds more than one recording.
        AudioError: The recording cannot be decoded, or is shorter than the timeline.
        OutputError: The output cannot be written; an older file is then left as it was.
    """
    from monitor.report import make_report, render

    file = read_timeline(timeline)
    page = output or str(timeline.with_suffix(".html"))
    for source in (timeline, audio):
        if source is not None and page != STDOUT and Path(page).resolve() == source.resolve():
            raise UsageError(f"The output '{page}' is one of the inputs; choose another file.")
    check_writable(page)
    notices = Notices(quiet)
    for notice in file.notices:
        notices.say(notice)
    sound = None
    if audio is not None:
        from monitor.report.sound import encode

        sound = encode(audio)
    turns = file.turns if transcripts else [turn.without_words() for turn in file.turns]
    write_whole(page, render(make_report(turns, file.notes, timeline.name, sound=sound, transcripts=transcripts)))
    if page != STDOUT:
        notices.say(f"Wrote '{page}'.")
