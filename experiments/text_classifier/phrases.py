"""Call phrases: test lists, and a grammar that makes training phrases; both are in `phrases.json`.

The test lists were written by hand before the grammar. The grammar makes a few of the test phrases word for word:
`okay`, `thank you` and the like are too common to be kept out of training.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from stser_core.emotions import LABELS

_FILE = json.loads((Path(__file__).parent / "phrases.json").read_text(encoding="utf-8"))
_GRAMMAR: dict[str, list[str]] = _FILE["grammar"]
_WORDS: dict[str, list[str]] = _FILE["words"]

NEUTRAL_TEST: list[str] = _FILE["test"]["neutral"]
EMOTIONAL_TEST = [(text, label) for label, some in _FILE["test"]["emotional"].items() for text in some]


def neutral_phrase(rng: random.Random) -> str:
    """Draw a neutral phrase: backchannels, numbers, dates, what agents and customers say."""
    drawn = rng.random()
    if drawn < 0.4:
        words = " ".join(_pattern("acknowledgement", rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3))))
    elif drawn < 0.5:
        words = f"{_pattern('acknowledgement', rng)} {rng.choice((_number, _date, _amount))(rng)}"
    else:
        words = _filled("agent" if rng.random() < 0.5 else "caller", rng)
        if rng.random() < 0.35:
            words = f"{_pattern('acknowledgement', rng)} {words}"
        if rng.random() < 0.1:
            words = f"{words} {_pattern('acknowledgement', rng)}"
    return words + rng.choice(("", "", "", "", "!", "?"))


def emotional_phrase(rng: random.Random) -> tuple[str, int]:
    """Draw an emotional phrase and its label: an outburst, alone or with what the call is about."""
    label = rng.choice(("angry", "happy", "sad"))
    parts = [_filled(label, rng)]
    drawn = rng.random()
    if drawn < 0.4:
        parts.append(_filled(f"{label}_reason", rng))
    elif drawn < 0.6:
        parts.append(_filled("caller", rng))
    if rng.random() < 0.3:
        parts.reverse()
    if rng.random() < 0.2:
        parts.insert(0, _pattern("acknowledgement", rng))
    return " ".join(parts) + rng.choice(("", "", "", "!", "?" if label == "angry" else "")), LABELS.index(label)


def _pattern(name: str, rng: random.Random) -> str:
    return rng.choice(_GRAMMAR[name])


def _word(name: str, rng: random.Random) -> str:
    return rng.choice(_WORDS[name])


def _filled(name: str, rng: random.Random) -> str:
    """A pattern of the grammar with its blanks filled."""
    words = {key: _word(key, rng) for key in _WORDS} | {"surname": _word("name", rng)}
    words |= {"number": _number(rng), "amount": _amount(rng), "date": _date(rng), "address": _address(rng)}
    return _pattern(name, rng).format(**words)


def _number(rng: random.Random) -> str:
    return " ".join(_word("digit", rng) for _ in range(rng.randint(3, 9)))


def _amount(rng: random.Random) -> str:
    few, many = rng.choice(_WORDS["digit"][2:]), _word("tens", rng)
    return rng.choice(
        (
            f"{few} hundred {many} dollars",
            f"{many} {few} pounds",
            f"{many} dollars",
            f"{few} dollars and {many} cents",
            f"${rng.randint(5, 900)}",
        )
    )


def _date(rng: random.Random) -> str:
    month, ordinal, day = _word("month", rng), _word("ordinal", rng), _word("day", rng)
    hour, tens = rng.choice(_WORDS["digit"][2:]), _word("tens", rng)
    return rng.choice(
        (
            f"{month} {ordinal}",
            f"the {ordinal} of {month}",
            day,
            f"{day} at {hour}",
            f"{month} {ordinal} nineteen {tens} {hour}",
        )
    )


def _address(rng: random.Random) -> str:
    return f"{_number(rng)[:14].strip()} {_word('street', rng)} street"
