"""Settings are frozen dataclasses: their bounds stand beside their fields, and their JSON has no unknown keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Annotated, NamedTuple, TypeVar, get_type_hints

import msgspec

from stser_core.errors import UsageError

Settings = TypeVar("Settings")


class Bounds(NamedTuple):
    """The numbers that a field may hold, where it is annotated with them.

    Attributes:
        least: The lowest value that is allowed.
        most: The highest one; never infinity itself.
        above: `least` itself is not allowed.
    """

    least: float
    most: float = inf
    above: bool = False


Count = Annotated[int, Bounds(1)]
Proportion = Annotated[float, Bounds(0, 1)]
Amount = Annotated[float, Bounds(0)]
Positive = Annotated[float, Bounds(0, above=True)]


def bounded(place: str) -> Callable[[type[Settings]], type[Settings]]:
    """Check a dataclass's annotated fields, then what its own `__post_init__` checks; stands below `@dataclass`.

    Of tuples and dictionaries, every value is checked. The dataclass raises `UsageError` where one is out of bounds.

    Args:
        place: Of these settings in their JSON, for messages.
    """

    def with_bounds(kind: type[Settings]) -> type[Settings]:
        further: Callable[[object], None] = getattr(kind, "__post_init__", lambda settings: None)

        @cache
        def annotated() -> list[tuple[str, Bounds]]:
            hints = get_type_hints(kind, include_extras=True)
            every = [(name, one) for name, hint in hints.items() for one in getattr(hint, "__metadata__", ())]
            return [(name, one) for name, one in every if isinstance(one, Bounds)]

        def check_all(settings: object) -> None:
            for name, bounds in annotated():
                value = getattr(settings, name)
                named = value if isinstance(value, dict) else {"": value}
                for key, one in named.items():
                    for number in one if isinstance(one, tuple) else () if one is None else (one,):
                        check(".".join(filter(None, (place, name, key))), number, *bounds)
            further(settings)

        kind.__post_init__ = check_all  # type: ignore[attr-defined]
        return kind

    return with_bounds


def check(what: str, value: float, least: float, most: float = inf, above: bool = False) -> None:
    """Refuse a number outside its bounds; see `Bounds`.

    Args:
        what: The setting's name.
        value: What it was set to.
        least: The lowest value that is allowed.
        most: The highest one.
        above: `least` itself is not allowed.

    Raises:
        UsageError: The number is outside, infinite or NaN.
    """
    if not least <= value <= most or value == inf or (above and value == least):
        lowest = f"above {least:g}" if above else f"{least:g} or more"
        wanted = lowest if most == inf else f"{lowest}, at most {most:g}"
        raise UsageError(f"{what} must be {wanted}; it is {value:g}.")


def decode(content: bytes, kind: type[Settings]) -> Settings:
    """Decode a dataclass of settings; what is left out keeps its default.

    Args:
        content: JSON.
        kind: The dataclass.

    Raises:
        msgspec.DecodeError: This is not JSON, a value has the wrong type or is out of bounds, or a key is unknown.
    """
    try:
        settings = msgspec.json.decode(content, type=kind)
    except UsageError as error:
        raise msgspec.ValidationError(str(error).rstrip(".")) from error
    unknown = _unknown(msgspec.json.decode(content), msgspec.to_builtins(settings))
    if unknown:
        raise msgspec.ValidationError(f"unknown setting {', '.join(unknown)}")
    return settings


def _unknown(given: object, known: object, place: str = "") -> list[str]:
    """Keys that decoding has dropped: whatever is a setting comes back out of the decoded record."""
    if isinstance(given, dict) and isinstance(known, dict):
        dropped = [f"{place}{key}" for key in given if key not in known]
        pairs = [(given[key], known[key], f"{place}{key}.") for key in given if key in known]
    elif isinstance(given, list) and isinstance(known, list | tuple):
        dropped = []
        pairs = [(one, other, f"{place}{n}.") for n, (one, other) in enumerate(zip(given, known, strict=True))]
    else:
        return []
    return dropped + [key for pair in pairs for key in _unknown(*pair)]
