"""Metrics at the end, and plain lines without a terminal: a log file, a pipe, a service's journal."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from monitor.analytics.results import CallAnalytics, Quarter, SpeakerAnalytics
from monitor.counted import counted
from monitor.display.palette import BOLD, LETTERS, PLAIN, QUIET, SPEAKER_WIDTH, block, clock, name, printable
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import SpeakerTotals
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_SHORTEST_BAR = 8
_LONGEST_BAR = 40
_LONGEST_WORDS = len("neutral 99%, happy 99%, angry 99%, sad 99%")

_SPOKEN = Style(italic=True, dim=False)
_MOST_WORDS = 5
_COLUMNS = ("share", "words/min", "loudness", "longest", "response", "interrupts")
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_UNKNOWN = "-"


def summary(totals: Sequence[SpeakerTotals], width: int) -> list[Text]:
    """One line for each speaker under a heading; a single sentence where nobody spoke."""
    if not totals:
        return [Text("No speech was found.")]
    columns = f"{'turns':>6}  {'talk':>7}  emotions by talk time"
    return [Text(f"{'speaker'.ljust(SPEAKER_WIDTH)} {columns}", QUIET), *(_line(speaker, width) for speaker in totals)]


def proportions(totals: SpeakerTotals) -> str:
    """The emotions of a speaker in words, the largest first: `neutral 61%, angry 39%`."""
    if totals.proportions is None:
        return "not scored"
    ranked = sorted(zip(totals.proportions, LABELS, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{label} {share:.0%}" for share, label in ranked if share > 0)


def _line(totals: SpeakerTotals, width: int) -> Text:
    text = Text(name(totals.speaker), BOLD)
    text.append(f" {totals.turns:6d}  {clock(totals.talk_s):>7}  ", PLAIN)
    if totals.proportions is not None:
        # Room for the longest wording, so that the bars of all speakers are of one length.
        room = min(_LONGEST_BAR, width - text.cell_len - _LONGEST_WORDS - 2)
        if room >= _SHORTEST_BAR:
            text.append_text(_stacked(totals.proportions, room)).append("  ")
    return text.append(proportions(totals), PLAIN if totals.proportions else QUIET)


def _stacked(proportions: Sequence[float], width: int) -> Text:
    """All proportions side by side in one bar; the ends are rounded, so that the bar is always full."""
    text = Text()
    total = 0.0
    for label, share in zip(LABELS, proportions, strict=True):
        total += share
        cells = round(total * width) - text.cell_len
        if cells > 0:
            text.append(LETTERS[label].ljust(cells), block(label))
    return text


def line(turn: Turn) -> str:
    """A turn in one line: `0:12-0:15 customer angry 0.82 "where is my car"`."""
    verdict = "not scored" if turn.emotion is None else f"{turn.emotion} {turn.confidence:.2f}"
    said = f' "{printable(turn.transcript)}"' if turn.transcript else ""
    return f"{clock(turn.start_s)}-{clock(turn.end_s)} {printable(turn.speaker)} {verdict}{said}"


def alert_line(alert: Alert) -> str:
    """An alert in one line: `0:15 alert: customer angry 0.82 (angry>0.7 for 2 turns)`."""
    probability = f"{alert.emotion} {alert.probability:.2f}"
    return f"{clock(alert.time_s)} alert: {printable(alert.speaker)} {probability} ({printable(alert.rule)})"


def summary_lines(totals: Iterable[SpeakerTotals]) -> list[str]:
    """A sentence for each speaker, or one that says that nobody spoke."""
    lines = [
        f"{printable(speaker.speaker)}: {counted(speaker.turns, 'turn')}, "
        f"talk time {clock(speaker.talk_s)}, {proportions(speaker)}."
        for speaker in totals
    ]
    return lines or ["No speech was found."]


def print_analytics(console: Console, analytics: CallAnalytics) -> None:
    """Print the analytics, in lines that fit the console; nothing where nobody spoke.

    They follow the totals of `summary`, and do not repeat its turns, talk time and emotions.
    """
    if not analytics.speakers:
        return
    console.print(_manners(analytics))
    if any(speaker.emotions for speaker in analytics.speakers):
        console.print("", _emotions(analytics.speakers), sep="\n")
    console.print()
    overlap = [f"Two or more speak at once for {analytics.overlap_s:.1f} s."] if analytics.overlap_s else []
    for text in (_silence(analytics), *map(Text, overlap), *_angriest(analytics)):
        console.print(text, no_wrap=True, overflow="ellipsis", crop=True)


def _table(first: str) -> Table:
    """A table without rules, of a line a speaker."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    table.add_column(first, style=BOLD, no_wrap=True)
    return table


def _manners(analytics: CallAnalytics) -> Table:
    """A line for each speaker: share, speech rate, loudness, longest turn, answers and interruptions."""
    counts = {}
    if analytics.interruptions is not None:
        counts = {(by.channel, by.speaker): by.count for by in analytics.interruptions.by_interrupter}
    table = _table("speaker")
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for speaker in analytics.speakers:
        responses, longest = speaker.response_times, speaker.longest_turn
        table.add_row(
            Text(name(speaker.speaker)),
            _known("{:.0%}", speaker.talk_share),
            _known("{:.0f}", speaker.words_per_minute),
            _known("{:.0f} dBFS", speaker.loudness_dbfs),
            clock(longest.end_s - longest.start_s),
            _known("{:.1f} s", responses.median_s if responses else None),
            _known("{}", counts.get((speaker.channel, speaker.speaker))),
        )
    return table


def _known(form: str, value: float | None) -> str:
    return _UNKNOWN if value is None else form.format(value)


def _emotions(speakers: Sequence[SpeakerAnalytics]) -> Table:
    """A line for each scored speaker: the main emotion of each quarter, and the trend."""
    table = _table("mainly")
    for column in (*_QUARTERS, "trend"):
        table.add_column(column, no_wrap=True)
    for speaker in speakers:
        if speaker.emotions is not None:
            quarters = map(_quarter, speaker.emotions.quarters)
            table.add_row(Text(name(speaker.speaker)), *quarters, speaker.emotions.trend or _UNKNOWN)
    return table


def _quarter(quarter: Quarter) -> Text:
    if quarter.shares is None:
        return Text(_UNKNOWN)
    emotion, share = max(quarter.shares.items(), key=lambda pair: pair[1])
    return Text().append(LETTERS[emotion], block(emotion)).append(f" {emotion} {share:.0%}")


def _silence(analytics: CallAnalytics) -> Text:
    silence = analytics.silence
    text = f"Nobody speaks for {clock(silence.total_s)} ({silence.share or 0.0:.0%})"
    if silence.instances:
        longest = max(silence.instances, key=lambda span: span.end_s - span.start_s)
        times = "once" if len(silence.instances) == 1 else f"{len(silence.instances)} times"
        text += f", {times} for over 3 s"
        text += f", the longest {clock(longest.end_s - longest.start_s)} at {clock(longest.start_s)}"
    return Text(f"{text}.")


def _angriest(analytics: CallAnalytics) -> Iterator[Text]:
    """The angriest minute and the words of its angry turns."""
    minute = analytics.angriest_minute
    angry = [turn for turn in minute.turns if turn.emotion == "angry"] if minute is not None else []
    if minute is None or not angry:
        return
    span = f"{clock(minute.start_s)}–{clock(minute.end_s)}"
    yield Text(f"The angriest minute is {span} (anger {minute.anger:.0%} of what is scored):")
    for turn in angry[:_MOST_WORDS]:
        line = Text(f"{clock(turn.start_s):>7}  ", QUIET).append(name(turn.speaker), Style(bold=True, dim=False))
        words = printable(turn.transcript) if turn.transcript else "no words"
        yield line.append(f"  {words}", _SPOKEN if turn.transcript else PLAIN)
    if len(angry) > _MOST_WORDS:
        yield Text(f"{'':7}  and {len(angry) - _MOST_WORDS} more", QUIET)
