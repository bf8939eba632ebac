"""Settings are frozen dataclasses: their bounds stand in their fields' types, and their JSON has no unknown keys."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from stser_core.errors import UsageError

Settings = TypeVar("Settings")

Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Proportion = Annotated[float, Meta(ge=0, le=1)]


def decode(content: bytes, kind: type[Settings]) -> Settings:
    """Decode a dataclass of settings from JSON; what is left out keeps its default.

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
    if isinstance(given, list) and isinstance(known, list | tuple):
        given, known = dict(enumerate(given)), dict(enumerate(known))
    if not isinstance(given, dict) or not isinstance(known, dict):
        return []
    unknown = []
    for key, value in given.items():
        unknown += _unknown(value, known[key], f"{place}{key}.") if key in known else [f"{place}{key}"]
    return unknown
