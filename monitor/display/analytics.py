"""Call analytics on the screen: who spoke how, how the emotions went, and where it went wrong.

They follow the totals of `monitor.display.summary`, and do not repeat its turns, talk time and emotions.
"""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from monitor.analytics.results import CallAnalytics, Quarter, SpeakerAnalytics
from monitor.display.palette import BOLD, LETTERS, PLAIN, QUIET, block, clock, name, printable

_SPOKEN = Style(italic=True, dim=False)
_MOST_WORDS = 5
_COLUMNS = ("share", "words/min", "loudness", "longest", "response", "interrupts")
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_UNKNOWN = "-"


def print_analytics(console: Console, analytics: CallAnalytics) -> None:
    """Print the analytics, in lines that fit the console; nothing where nobody spoke."""
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
        table.add_row(Text(name(speaker.speaker)), *_cells(speaker, counts.get((speaker.channel, speaker.speaker))))
    return table


def _cells(speaker: SpeakerAnalytics, interruptions: int | None) -> tuple[str, ...]:
    responses = speaker.response_times
    longest = speaker.longest_turn
    return (
        _UNKNOWN if speaker.talk_share is None else f"{speaker.talk_share:.0%}",
        _UNKNOWN if speaker.words_per_minute is None else f"{speaker.words_per_minute:.0f}",
        _UNKNOWN if speaker.loudness_dbfs is None else f"{speaker.loudness_dbfs:.0f} dB",
        clock(longest.end_s - longest.start_s),
        _UNKNOWN if responses is None or responses.median_s is None else f"{responses.median_s:.1f} s",
        _UNKNOWN if interruptions is None else str(interruptions),
    )


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
