"""The turns as text: a table of the last ones, and the newest in full, with the attention under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, LETTERS, QUIET, SPEAKER_WIDTH, Palette, clock, printable
from monitor.timeline.salience import STEP_S
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

LATEST_HEIGHT = 6
"""Lines of `latest`, and one more where it explains."""

BRIEF_HEIGHT = 3
"""Lines of `brief`, and one more where it explains."""

_TIME_WIDTH = 7
_NAME_WIDTH = 8
_MARGIN = " "
_SPOKEN = Style(italic=True)
_SALIENT = Style(italic=True, bold=True, underline=True)


def heading(turns: Sequence[Turn], width: int, palette: Palette) -> Text:
    """The line above `table`."""
    words = any(turn.words is not None for turn in turns)
    columns = (
        "time".rjust(_TIME_WIDTH),
        "speaker".ljust(SPEAKER_WIDTH),
        "emotion".ljust(_NAME_WIDTH + 9),
        " ".join(LETTERS[label] for label in LABELS),
        "what was said" if words else "",
    )
    return Text(palette.fitted("  ".join(columns), width), style=QUIET)


def table(turns: Sequence[Turn], rows: int, width: int, palette: Palette) -> list[Text]:
    """The last turns, oldest first, one line each, in exactly `rows` lines.

    Args:
        turns: All turns so far.
        rows: How many lines there are.
        width: Cells in a line.
        palette: What the terminal can show.
    """
    last = turns[max(0, len(turns) - rows) :] if rows > 0 else ()
    lines = [_row(turn, width, palette) for turn in last]
    return lines + [Text("")] * (rows - len(lines))


def latest(turns: Sequence[Turn], width: int, palette: Palette, *, explain: bool = False) -> list[Text]:
    """The newest turn that was scored, in full and in exactly `LATEST_HEIGHT` lines, one more with `explain`.

    Speaker and time, a bar for each probability, and the transcript. For an unscored turn the one before is shown,
    so that the bars stay.
    """
    return _newest(turns, LATEST_HEIGHT, _bars, width, palette, explain=explain)


def brief(turns: Sequence[Turn], width: int, palette: Palette, *, explain: bool = False) -> list[Text]:
    """The same in exactly `BRIEF_HEIGHT` lines, one more with `explain`: the bars stand side by side."""
    return _newest(turns, BRIEF_HEIGHT, _side_by_side, width, palette, explain=explain)


def _newest(
    turns: Sequence[Turn],
    height: int,
    bars: Callable[[Sequence[float], int, Palette], list[Text]],
    width: int,
    palette: Palette,
    *,
    explain: bool,
) -> list[Text]:
    if turns:
        turn = next((turn for turn in reversed(turns) if turn.probabilities is not None), turns[-1])
        if turn.probabilities is None:
            shown = [Text(f"{_MARGIN}Emotion not scored.", style=QUIET)]
        else:
            shown = [*bars(turn.probabilities, width, palette), *([attention(turn, width, palette)] if explain else [])]
        lines = [_who(turn, width, palette), *shown, _said(turn, width, palette)]
    else:
        lines = [Text(f"{_MARGIN}Listening for the first turn.", style=QUIET)]
    return lines + [Text("")] * (height + explain - len(lines))


def _row(turn: Turn, width: int, palette: Palette) -> Text:
    text = Text(clock(turn.start_s).rjust(_TIME_WIDTH) + "  ")
    text.append(palette.fitted(printable(turn.speaker), SPEAKER_WIDTH) + "  ")
    if turn.emotion is None or turn.probabilities is None:
        text.append(palette.fitted("not scored", _NAME_WIDTH + 9 + 2 + 2 * len(LABELS) - 1), QUIET)
    else:
        text.append(f" {LETTERS[turn.emotion]} ", palette.block(turn.emotion))
        text.append(f" {turn.emotion.ljust(_NAME_WIDTH)} {turn.confidence:.2f}  ")
        for label, probability in zip(LABELS, turn.probabilities, strict=True):
            text.append(palette.height(probability) + " ", palette.ink(label))
        text.right_crop(1)
    text.append("  ")
    text.append(palette.fitted(printable(turn.transcript or ""), max(1, width - text.cell_len)))
    return text


def _who(turn: Turn, width: int, palette: Palette) -> Text:
    text = Text(_MARGIN)
    text.append(f"{clock(turn.start_s)}{palette.dash}{clock(turn.end_s)}", BOLD)
    text.append(f"  {palette.fitted(printable(turn.speaker), SPEAKER_WIDTH).rstrip()}", BOLD)
    facts = [] if turn.loudness_dbfs is None else [f"{turn.loudness_dbfs:.0f} dBFS"]
    if turn.emotion is not None:
        text.append("  ")
        text.append(f" {LETTERS[turn.emotion]} ", palette.block(turn.emotion))
        text.append(f" {turn.emotion} {turn.confidence:.2f}", BOLD)
        votes = ((name, LABELS[each.index(max(each))]) for name, each in (turn.classifiers or {}).items())
        facts = [f"{name} {LETTERS[vote]}" for name, vote in votes] + facts
    text.append("   " + palette.dot.join(facts), QUIET)
    text.truncate(width)
    return text


def _side_by_side(probabilities: Sequence[float], width: int, palette: Palette) -> list[Text]:
    room = max(1, (width - 2 * len(_MARGIN)) // len(LABELS) - 9)
    line = Text(f"{_MARGIN} ")
    for label, probability in zip(LABELS, probabilities, strict=True):
        line.append(f"{LETTERS[label]} {probability:.2f} ", Style(bold=probability == max(probabilities)))
        line.append(palette.fitted(palette.bar(probability, room), room), palette.ink(label))
        line.append("  ")
    line.rstrip()
    return [line]


def _bars(probabilities: Sequence[float], width: int, palette: Palette) -> list[Text]:
    lines = []
    before = f"{_MARGIN}  "
    room = max(4, min(60, width - len(before) - _NAME_WIDTH - 2 - 7))
    for label, probability in zip(LABELS, probabilities, strict=True):
        weight = Style(bold=probability == max(probabilities))
        line = Text(before)
        line.append(f"{LETTERS[label]} {label.ljust(_NAME_WIDTH)}", weight)
        line.append(f"{probability:.2f}  ", weight)
        line.append(palette.bar(probability, room), palette.ink(label))
        lines.append(line)
    return lines


def _said(turn: Turn, width: int, palette: Palette) -> Text:
    """The transcript in quotation marks; the words in the salient stretch are underlined, and not cut off."""
    if not turn.words:
        return Text("")
    opening, closing = "“”" if palette.unicode else '""'
    room = max(1, width - len(_MARGIN) - 2)
    words = [printable(word.text) for word in turn.words]
    salient = turn.salient_words
    first = _first_shown(words, salient, room)
    said = Text(palette.ellipsis if first else "", style=_SPOKEN)
    for place in range(first, len(words)):
        said.append(" " if place > first else "", _SALIENT if {place - 1, place} <= salient else _SPOKEN)
        said.append(words[place], _SALIENT if place in salient else _SPOKEN)
    if said.cell_len > room:
        said.truncate(room - 1)
        said.rstrip()
        said.append(palette.ellipsis, _SPOKEN)
    return Text(_MARGIN).append(opening, _SPOKEN).append_text(said).append(closing, _SPOKEN)


def _first_shown(words: Sequence[str], salient: frozenset[int], room: int) -> int:
    """The word to begin with, so that as many of the salient ones as possible can be seen."""
    if not salient:
        return 0
    first, last = 0, max(salient)
    while first < min(salient) and cell_len(" ".join(words[first : last + 1])) > room - 2:
        first += 1
    return first


_BEFORE = " " * 3
_LONGEST = 60
_WORDS = len("  half of the attention 1:23:45.6–1:23:45.9")


def attention(turn: Turn, width: int, palette: Palette) -> Text:
    """The attention over the turn: one cell for each 100 ms or more, the salient stretch underlined.

    Args:
        turn: The turn.
        width: Cells in a line.
        palette: What the terminal can show.

    Returns:
        One line; blank where the attention is not known.
    """
    span, salience = turn.salient_span, turn.salience
    if span is None or salience is None or turn.emotion is None:
        return Text("")
    cells = min(len(salience), max(8, min(_LONGEST, width - len(_BEFORE) - _WORDS)))
    shares = _per_cell(salience, cells)
    highest = max(shares)
    line = Text(_BEFORE)
    for place, share in enumerate(shares):
        # A cell counts as salient if its middle does.
        middle_s = turn.start_s + (place + 0.5) * len(salience) / cells * STEP_S
        inside = span[0] <= middle_s < span[1]
        style = palette.ink(turn.emotion) + Style(bold=True, underline=True) if inside else QUIET
        line.append(palette.height(share / highest), style)
    line.append(f"  half of the attention {_tenths(span[0])}{palette.dash}{_tenths(span[1])}", QUIET)
    line.truncate(width)
    return line


def _per_cell(salience: Sequence[float], cells: int) -> list[float]:
    """The mean attention in each cell; there are at most as many cells as steps."""
    steps: list[list[float]] = [[] for _ in range(cells)]
    for step, share in enumerate(salience):
        steps[step * cells // len(salience)].append(share)
    return [sum(shares) / len(shares) for shares in steps]


def _tenths(seconds: float) -> str:
    """A time as `m:ss.t` or `h:mm:ss.t`."""
    tenths = round(seconds / STEP_S)
    minutes, rest = divmod(tenths, 600)
    hours, minute = divmod(minutes, 60)
    second = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minute:02}:{second}" if hours else f"{minute}:{second}"
