"""Call analytics on the screen: who spoke how, how the emotions went, and where it went wrong.

They follow the figures of `monitor.display.summary`, and do not repeat its turns, talk time and emotions.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from monitor.analytics.results import CallAnalytics, Quarter, SpeakerAnalytics
from monitor.display.palette import BOLD, LETTERS, PLAIN, QUIET, SPEAKER_WIDTH, block, clock, name, printable

_SPOKEN = Style(italic=True, dim=False)
_MOST_WORDS = 5
_COLUMNS = ("share", "words/min", "loudness", "longest", "response", "interrupts")
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_QUARTER_WIDTH = 13
_UNKNOWN = "-"


def analytics_lines(analytics: CallAnalytics, width: int) -> list[Text]:
    """The analytics in lines of at most `width` cells; none where nobody spoke.

    Args:
        analytics: From `monitor.analytics.analyse`.
        width: Cells in a line; 80 are enough.
    """
    if not analytics.speakers:
        return []
    lines = _manners(analytics)
    lines += _emotions(analytics.speakers)
    lines += [Text(""), _silence(analytics), *_overlap(analytics), *_angriest(analytics)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def print_analytics(console: Console, analytics: CallAnalytics) -> None:
    """Print the analytics as wide as the console is."""
    for text in analytics_lines(analytics, console.width):
        console.print(text, no_wrap=True, overflow="crop")


def _manners(analytics: CallAnalytics) -> list[Text]:
    """A line for each speaker: share, speech rate, loudness, longest turn, answers and interruptions."""
    heading = Text("speaker".ljust(SPEAKER_WIDTH) + _figures(_COLUMNS), QUIET)
    counts = {}
    if analytics.interruptions is not None:
        counts = {(by.channel, by.speaker): by.count for by in analytics.interruptions.by_interrupter}
    lines = [heading]
    for speaker in analytics.speakers:
        cells = _cells(speaker, counts.get((speaker.channel, speaker.speaker)))
        lines.append(Text(name(speaker.speaker), BOLD).append(_figures(cells), PLAIN))
    return lines


def _figures(cells: Sequence[str]) -> str:
    return "".join(f"  {cell:>{max(7, len(column))}}" for cell, column in zip(cells, _COLUMNS, strict=True))


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


def _emotions(speakers: Sequence[SpeakerAnalytics]) -> list[Text]:
    """A line for each scored speaker: the main emotion of each quarter, and the trend."""
    scored = [(speaker, speaker.emotions) for speaker in speakers if speaker.emotions is not None]
    if not scored:
        return []
    heading = "mainly".ljust(SPEAKER_WIDTH) + "".join(f"  {quarter:<{_QUARTER_WIDTH}}" for quarter in _QUARTERS)
    lines = [Text(""), Text(f"{heading}  trend", QUIET)]
    for speaker, emotions in scored:
        line = Text(name(speaker.speaker), BOLD)
        for quarter in emotions.quarters:
            line.append("  ", PLAIN).append_text(_quarter(quarter))
        lines.append(line.append(f"  {emotions.trend or _UNKNOWN}", PLAIN))
    return lines


def _quarter(quarter: Quarter) -> Text:
    if quarter.shares is None:
        return Text(_UNKNOWN.ljust(_QUARTER_WIDTH), PLAIN)
    emotion, share = max(quarter.shares.items(), key=lambda pair: pair[1])
    text = Text().append(LETTERS[emotion], block(emotion))
    return text.append(f" {emotion} {share:.0%}".ljust(_QUARTER_WIDTH - 1), PLAIN)


def _silence(analytics: CallAnalytics) -> Text:
    silence = analytics.silence
    text = f"Nobody speaks for {clock(silence.total_s)} ({silence.share or 0.0:.0%})"
    if silence.instances:
        longest = max(silence.instances, key=lambda span: span.end_s - span.start_s)
        times = "once" if len(silence.instances) == 1 else f"{len(silence.instances)} times"
        text += f", {times} for over 3 s"
        text += f", the longest {clock(longest.end_s - longest.start_s)} at {clock(longest.start_s)}"
    return Text(f"{text}.", PLAIN)


def _overlap(analytics: CallAnalytics) -> list[Text]:
    if not analytics.overlap_s:
        return []
    return [Text(f"Two or more speak at once for {analytics.overlap_s:.1f} s.", PLAIN)]


def _angriest(analytics: CallAnalytics) -> list[Text]:
    """The angriest minute and the words of its angry turns."""
    minute = analytics.angriest_minute
    angry = [turn for turn in minute.turns if turn.emotion == "angry"] if minute is not None else []
    if minute is None or not angry:
        return []
    span = f"{clock(minute.start_s)}–{clock(minute.end_s)}"
    lines = [Text(f"The angriest minute is {span} (anger {minute.anger:.0%} of what is scored):", PLAIN)]
    for turn in angry[:_MOST_WORDS]:
        line = Text(f"{clock(turn.start_s):>7}  ", QUIET)
        line.append(name(turn.speaker), Style(bold=True, dim=False))
        words = printable(turn.transcript) if turn.transcript else "no words"
        lines.append(line.append(f"  {words}", _SPOKEN if turn.transcript else PLAIN))
    if len(angry) > _MOST_WORDS:
        lines.append(Text(f"{'':7}  and {len(angry) - _MOST_WORDS} more", QUIET))
    return lines
