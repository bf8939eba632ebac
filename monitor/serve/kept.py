"""What the JSON Lines of a call keep of it: its turns, its alerts, and which of these somebody has seen to."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

_ACKNOWLEDGED = "acknowledged"


@dataclass
class Kept:
    """The contents of a call's file.

    Attributes:
        turns: Each as an object of JSON Lines.
        alerts: Likewise; the first has the number 1.
        acknowledged: The numbers of those that somebody has seen to.
    """

    turns: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)


def read_kept(path: Path) -> Kept:
    """Read a call's file, also while it is being written; what breaks off is left out."""
    kept = Kept()
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        if "recording" in entry:
            kept.turns.append(entry)
        elif entry.get("type") == "alert":
            kept.alerts.append(entry)
        elif entry.get("type") == _ACKNOWLEDGED:
            kept.acknowledged.add(entry["alert"])
    return kept


def keep_acknowledged(path: Path, alerts: Sequence[int]) -> None:
    """Add to a call's file, which nobody writes any more, that somebody has seen to these alerts.

    Raises:
        OSError: It cannot be written.
    """
    at = datetime.now().astimezone().isoformat(timespec="milliseconds")
    lines = [json.dumps({"type": _ACKNOWLEDGED, "alert": alert, "at": at}) + "\n" for alert in alerts]
    if lines:
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # a server that was killed may have left half a line
            file.seek(0, os.SEEK_END)
            file.write("".join(lines).encode())
