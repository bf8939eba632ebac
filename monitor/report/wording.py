"""How a report writes numbers and times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from types import MappingProxyType

from monitor.display.palette import LETTERS, clock

_UNKNOWN = "–"
_MINUTE_S = 60.0
_HOUR_S = 3600.0


def lasting(seconds: float | None) -> str:
    """A length: `4.2 s` below a minute, then `4:37 min`, from an hour on `1:04:37 h`."""
    if seconds is None:
        return _UNKNOWN
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    return f"{clock(seconds)} {'min' if seconds < _HOUR_S else 'h'}"


def percent(share: float | None) -> str:
    """A share of 0…1 as a whole percentage."""
    return _UNKNOWN if share is None else f"{share:.0%}"


def whole(number: float | None) -> str:
    """A number without decimals."""
    return _UNKNOWN if number is None else f"{number:,.0f}"


def decibels(level: float | None) -> str:
    """A level in decibels below full scale, with a real minus sign."""
    return _UNKNOWN if level is None else f"{level:.0f} dB".replace("-", "−")


def change(difference: float | None) -> str:
    """A difference of probabilities, with its sign."""
    return _UNKNOWN if difference is None else f"{difference:+.2f}".replace("-", "−")


def counted(things: Sized, noun: str) -> str:
    """How many there are: `1 turn`, `2 turns`."""
    return f"{len(things):,} {noun}{'' if len(things) == 1 else 's'}"


def exact(seconds: float) -> str:
    """A time that a script reads."""
    return f"{seconds:.3f}"


FILTERS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "change": change,
        "clock": clock,
        "counted": counted,
        "decibels": decibels,
        "exact": exact,
        "lasting": lasting,
        "letter": lambda emotion: LETTERS[emotion],
        "percent": percent,
        "whole": whole,
    }
)
"""The template's filters by name."""
