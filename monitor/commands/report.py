"""`stser-monitor report`: a timeline as a page that opens from disk, and as a picture for a slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.notices import Notices
from monitor.exporters.destination import STDOUT
from monitor.exporters.whole_file import check_writable, write_whole
from monitor.timeline.file import read_timeline
from stser_core.errors import UsageError

if TYPE_CHECKING:
    from monitor.report.sound import Sound

_ENDING = ".html"
_PICTURE_ENDING = ".png"


@dataclass(frozen=True)
class ReportOptions:
    """What the user typed.

    Attributes:
        timeline: CSV or JSON Lines, as `--csv` and `--jsonl` write it.
        audio: The recording that the timeline was made from, or `None`.
        output: Where to write the page; `-` is standard output. By default beside the timeline.
        png: Where to write the picture, or `None`.
        keep_sound: Whether the recording becomes part of the page; where not, only its length is taken.
        transcripts: Whether words are written.
        quiet: Whether to say nothing but errors.
    """

    timeline: Path
    audio: Path | None = None
    output: str | None = None
    png: str | None = None
    keep_sound: bool = True
    transcripts: bool = True
    quiet: bool = False


def report(options: ReportOptions) -> None:
    """Make a call's report.

    Args:
        options: What the user typed.

    Raises:
        UsageError: An output is one of the inputs, or the other output; the picture is called something else than a
            PNG; or there is no sound to keep out.
        DataError: The timeline cannot be read, or holds more than one recording.
        AudioError: The recording cannot be decoded, or is shorter than the timeline.
        OutputError: An output cannot be written; older files are then left as they were.
        MissingExtraError: The picture needs a library that is not installed.
    """
    from monitor.report import make_report, render

    if options.audio is None and not options.keep_sound:
        raise UsageError("--no-audio does nothing without --audio.")
    file = read_timeline(options.timeline)
    page = options.output or str(options.timeline.with_suffix(_ENDING))
    outputs = [page] if options.png is None else [page, options.png]
    _check(outputs, [options.timeline] if options.audio is None else [options.timeline, options.audio])
    if options.png is not None and Path(options.png).suffix.lower() not in ("", _PICTURE_ENDING):
        raise UsageError(f"--png '{options.png}': the picture is a PNG; give it a name that ends in {_PICTURE_ENDING}.")
    notices = Notices(options.quiet)
    for notice in file.notices:
        notices.say(notice)
    sound = _sound(options)
    content = make_report(
        file.turns if options.transcripts else [row.without_words() for row in file.turns],
        file.notes,
        options.timeline.name,
        sound=sound,
        duration_s=None if sound is None else sound.duration_s,
        transcripts=options.transcripts,
    )
    contents = [render(content)]
    if options.png is not None:
        from monitor.report.picture import draw

        contents.append(draw(content))
    for output, each in zip(outputs, contents, strict=True):
        write_whole(output, each)
        if output != STDOUT:
            notices.say(f"Wrote '{output}'.")


def _sound(options: ReportOptions) -> Sound | None:
    if options.audio is None:
        return None
    from monitor.report.sound import encode, measure

    return encode(options.audio) if options.keep_sound else measure(options.audio)


def _check(outputs: Sequence[str], inputs: Sequence[Path]) -> None:
    """Find out before the work what would go wrong after it."""
    places = [output if output == STDOUT else str(Path(output).resolve()) for output in outputs]
    if len(set(places)) < len(places):
        raise UsageError(f"Page and picture would both go to '{outputs[0]}'; give each a file of its own.")
    for output, place in zip(outputs, places, strict=True):
        if any(place == str(each.resolve()) for each in inputs):
            raise UsageError(f"The output '{output}' is one of the inputs; choose another file.")
        check_writable(output)
