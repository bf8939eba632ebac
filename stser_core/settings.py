"""Settings of models and of training: their bounds stand in their fields' types, and their JSON has no unknown keys."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from stser_core.errors import UsageError

_Kind = TypeVar("_Kind", bound="Settings")

Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Proportion = Annotated[float, Meta(ge=0, le=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all settings; `msgspec.structs.replace` makes changed copies."""


def decode(content: bytes, kind: type[_Kind]) -> _Kind:
    """Decode settings from JSON; what is left out keeps its default.

    Raises:
        msgspec.DecodeError: This is not JSON, a value has the wrong type or is out of bounds, or a key is unknown.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except UsageError as error:
        raise msgspec.ValidationError(str(error).rstrip(".")) from error
