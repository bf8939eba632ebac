"""Call analytics as JSON and back."""

from __future__ import annotations

import msgspec

from monitor.analytics.results import CallAnalytics
from stser_core.errors import DataError

_DECIMALS = 4


def to_json(analytics: CallAnalytics) -> str:
    """The analytics as an indented JSON object, ending in a line end; numbers have at most four decimals."""
    values = _printed(msgspec.to_builtins(analytics))
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode() + "\n"


def from_json(text: str | bytes) -> CallAnalytics:
    """Analytics that `to_json` wrote.

    Raises:
        DataError: The text is no such JSON.
    """
    try:
        return msgspec.json.decode(text, type=CallAnalytics)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"These are no call analytics: {error}.") from error


def _printed(value: object) -> object:
    """Numbers rounded, and lone surrogates (from a file name that is no UTF-8) as visible escapes."""
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, str):
        return value.encode("utf-8", errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _printed(part) for key, part in value.items()}
    return [_printed(part) for part in value] if isinstance(value, (list, tuple)) else value
