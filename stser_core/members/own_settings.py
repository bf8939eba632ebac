"""A member's own settings, from what `config.json` holds under its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from stser_core.errors import CheckpointError
from stser_core.settings_json import decode

Settings = TypeVar("Settings")


def settings_of(given: Mapping[str, object], kind: type[Settings], name: str) -> Settings:
    """Read a member's own settings.

    Raises:
        CheckpointError: They are not what they should be.
    """
    try:
        return decode(msgspec.json.encode(given), kind)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"The settings of the member {name!r} do not fit ({error}).") from error
