"""The turns as text: a table of the last ones, and the newest in full, with the attention under it."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, LETTERS, QUIET, SPEAKER_WIDTH, bar, block, clock, height, ink, name, printable
from monitor.timeline.turn import STEP_S, Turn
from stser_core.emotions import LABELS

LATEST_HEIGHT = 6
"""Lines of `latest`, and one more where it explains."""

_TIME_WIDTH = 7
_NAME_WIDTH = 8
_ROOM_FOR_ALL = 40
"""Cells of a line from which on a turn also names its speaker, whom its lane shows in any case."""
_SPOKEN = Style(italic=True)
_SALIENT = Style(italic=True, bold=True, underline=True)


def table(turns: Sequence[Turn], rows: int, width: int) -> list[Text]:
    """The last turns under a heading, oldest first, one line each: a line for the heading, and `rows` lines."""
    narrow = width < _ROOM_FOR_ALL
    words = any(turn.words is not None for turn in turns)
    columns = (
        "time".rjust(_TIME_WIDTH),
        *([] if narrow else ["speaker".ljust(SPEAKER_WIDTH)]),
        "emotion".ljust(_NAME_WIDTH + 9),
        " ".join(LETTERS[label] for label in LABELS),
        "what was said" if words else "",
    )
    lines = [_row(turn, narrow=narrow) for turn in turns[max(0, len(turns) - rows) :]]
    return [Text("  ".join(columns), style=QUIET), *lines, *[Text("")] * (rows - len(lines))]


def _row(turn: Turn, *, narrow: bool) -> Text:
    text = Text(f"{clock(turn.start_s):>{_TIME_WIDTH}}  " + ("" if narrow else f"{name(turn.speaker)}  "))
    if turn.emotion is None or turn.probabilities is None:
        text.append("not scored".ljust(_NAME_WIDTH + 11 + 2 * len(LABELS)), QUIET)
    else:
        text.append(f" {LETTERS[turn.emotion]} ", block(turn.emotion))
        text.append(f" {turn.emotion.ljust(_NAME_WIDTH)} {turn.confidence:.2f}  ")
        for label, probability in zip(LABELS, turn.probabilities, strict=True):
            text.append(height(probability) + " ", ink(label))
    return text.append(f" {printable(turn.transcript or '')}")


def latest(turns: Sequence[Turn], width: int, *, explain: bool) -> list[Text]:
    """The newest turn that was scored, in full and in exactly `LATEST_HEIGHT` lines, one more with `explain`.

    Speaker and time, a bar for each probability, and the transcript. For an unscored turn the one before is shown,
    so that the bars stay.
    """
    if turns:
        turn = next((turn for turn in reversed(turns) if turn.probabilities is not None), turns[-1])
        if turn.probabilities is None:
            shown = [Text(" Emotion not scored.", style=QUIET)]
        else:
            shown = _bars(turn.probabilities, width) + ([attention(turn, width)] if explain else [])
        lines = [_who(turn), *shown, _said(turn, width)]
    else:
        lines = [Text(" Listening for the first turn.", style=QUIET)]
    return lines + [Text("")] * (LATEST_HEIGHT + explain - len(lines))


def _who(turn: Turn) -> Text:
    text = Text(f" {clock(turn.start_s)}–{clock(turn.end_s)}  {name(turn.speaker).rstrip()}", BOLD)
    facts = [] if turn.loudness_dbfs is None else [f"{turn.loudness_dbfs:.0f} dBFS"]
    if turn.emotion is not None:
        text.append("  ").append(f" {LETTERS[turn.emotion]} ", block(turn.emotion))
        text.append(f" {turn.emotion} {turn.confidence:.2f}", BOLD)
        votes = {name: max(each, key=each.__getitem__) for name, each in (turn.classifiers or {}).items()}
        facts = [f"{name} {LETTERS[vote]}" for name, vote in votes.items()] + facts
    return text.append("   " + " · ".join(facts), QUIET)


def _bars(probabilities: Sequence[float], width: int) -> list[Text]:
    lines = []
    room = max(4, min(60, width - _NAME_WIDTH - 12))
    for label, probability in zip(LABELS, probabilities, strict=True):
        weight = Style(bold=probability == max(probabilities))
        line = Text(f"   {LETTERS[label]} {label.ljust(_NAME_WIDTH)}{probability:.2f}  ", weight)
        lines.append(line.append(bar(probability, room), ink(label)))
    return lines


def _said(turn: Turn, width: int) -> Text:
    """The transcript in quotation marks; the words in the salient stretch are underlined, and not cut off."""
    if not turn.words:
        return Text("")
    room = max(1, width - 3)
    words = [printable(word.text) for word in turn.words]
    salient = turn.salient_words
    first = 0
    while salient and first < min(salient) and cell_len(" ".join(words[first : max(salient) + 1])) > room - 2:
        first += 1
    said = Text("…" if first else "")
    for place in range(first, len(words)):
        said.append(" " if place > first else "", _SALIENT if {place - 1, place} <= salient else _SPOKEN)
        said.append(words[place], _SALIENT if place in salient else _SPOKEN)
    said.truncate(room, overflow="ellipsis")
    return Text(" “", _SPOKEN).append_text(said).append("”", _SPOKEN)


_LONGEST = 60
_WORDS = len("  half of the attention 1:23:45.6–1:23:45.9")


def attention(turn: Turn, width: int) -> Text:
    """The attention over the turn: one cell for each 100 ms or more, the salient stretch underlined.

    Blank where the attention is not known.
    """
    span, salience = turn.salient_span, turn.salience
    if span is None or salience is None or turn.emotion is None:
        return Text("")
    cells = min(len(salience), max(8, min(_LONGEST, width - 3 - _WORDS)))
    steps: list[list[float]] = [[] for _ in range(cells)]
    for step, weight in enumerate(salience):
        steps[step * cells // len(salience)].append(weight)
    weights = [sum(each) / len(each) for each in steps]
    highest = max(weights)
    line = Text("   ")
    for place, weight in enumerate(weights):
        # A cell counts as salient if its middle does.
        middle_s = turn.start_s + (place + 0.5) * len(salience) / cells * STEP_S
        inside = span[0] <= middle_s < span[1]
        style = ink(turn.emotion) + Style(bold=True, underline=True) if inside else QUIET
        line.append(height(weight / highest), style)
    return line.append(f"  half of the attention {_tenths(span[0])}–{_tenths(span[1])}", QUIET)


def _tenths(seconds: float) -> str:
    """A time as `m:ss.t` or `h:mm:ss.t`."""
    whole, tenth = divmod(round(seconds / STEP_S), 10)
    return f"{clock(whole)}.{tenth}"
