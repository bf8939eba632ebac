"""Numbers that must lie between bounds: one check and one sentence for all settings."""

from __future__ import annotations

from math import inf

from stser_core.errors import UsageError


def check(what: str, value: float, least: float, most: float = inf, *, above: bool = False) -> None:
    """Refuse a number outside its bounds.

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
