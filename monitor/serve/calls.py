"""Calls, in progress or ended, and what their JSON Lines keep of them: turns, alerts, and which were acknowledged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from monitor.roles import Role
from monitor.serve.protocols import MOST_CHANNELS
from monitor.timeline.notes import Alert, read_note
from monitor.timeline.turn import STARTED_AT, Turn
from stser_core.errors import DataError

MOMENT = "%Y%m%d-%H%M%S"
"""How the name of a call begins."""

REMEMBERED = 200
"""Calls that have ended and are listed."""
WAITING = 1_000
"""Of so many, those with unacknowledged alerts are listed, too."""

_ACKNOWLEDGED = "acknowledged"
_EARLIER = "earlier"
"""Why a call ended that was in an earlier run of the server."""


@dataclass
class Call:
    """What is known of a call. Each attribute is written by one thread only; times of day are ISO 8601."""

    name: str  # also that of its files
    source: str  # the protocol that it comes by
    started_at: str  # when its first sound came
    roles: tuple[Role, ...]  # those of its channels
    position_s: float = 0.0  # seconds of it that have been read
    turns: int = 0
    alerts: int = 0
    acknowledged: set[int] = field(default_factory=set)  # numbers of alerts that somebody has seen to; the first is 1
    emotions: list[str | None] = field(default_factory=list)  # the last turn's on each channel
    ended_at: str | None = None  # `None` while it is in progress
    reason: str | None = None  # why it ended

    @property
    def unacknowledged(self) -> int:
        """How many of its alerts nobody has seen to."""
        return self.alerts - len(self.acknowledged)

    def values(self) -> dict[str, object]:
        """As `GET /calls` shows it."""
        return {
            "call": self.name,
            "source": self.source,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "reason": self.reason,
            "position_s": round(self.position_s, 3),
            "turns": self.turns,
            "alerts": self.alerts,
            "unacknowledged": self.unacknowledged,
            "channels": [
                {**channel, "emotion": emotion} for channel, emotion in zip(self.channels(), self.emotions, strict=True)
            ],
        }

    def channels(self) -> list[dict[str, object]]:
        """The channels and who is on them."""
        return [
            {"channel": place, "speaker": role.speaker, "scored": role.scored}
            for place, role in enumerate(self.roles, start=1)
        ]


def forgettable(ended: Mapping[str, int]) -> list[str]:
    """Which calls need not be listed any more, given each one's unacknowledged alerts, in the order of their ends.

    The last `REMEMBERED` stay, and those with unacknowledged alerts of the last `WAITING`.
    """
    names = list(ended)
    old = set(names[:-WAITING])
    return [name for name in names[:-REMEMBERED] if name in old or not ended[name]]


class Kept(NamedTuple):
    """The turns and alerts in a call's file, as objects of JSON Lines, and the numbers of the acknowledged alerts."""

    turns: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    acknowledged: set[int]


def read_kept(path: Path) -> Kept:
    """Read a call's file, also while it is being written: a last line that breaks off is left out.

    Raises:
        OSError: It cannot be read.
        DataError: It is not the file of a call, or is damaged.
    """
    kept = Kept([], [], set())
    *lines, _ = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            entry = msgspec.json.decode(line, type=dict[str, Any])
            if "recording" in entry:
                if Turn.read(entry).channel > MOST_CHANNELS:
                    raise ValueError(f"a call has {MOST_CHANNELS} channels at most")
                kept.turns.append(entry)
            elif entry["type"] == _ACKNOWLEDGED:
                kept.acknowledged.add(msgspec.convert(entry["alert"], int))
            elif isinstance(read_note(entry), Alert):
                kept.alerts.append(entry)
        except (LookupError, RecursionError, ValueError) as error:
            raise DataError(f"'{path}', line {number}: this is not of a call ({error}).") from error
    return kept


def keep_acknowledged(path: Path, alerts: Sequence[int]) -> None:
    """Add to a call's file, which nobody writes any more, that somebody has seen to these alerts.

    Raises:
        OSError: It cannot be written.
    """
    lines = [json.dumps({"type": _ACKNOWLEDGED, "alert": alert, "at": iso(datetime.now())}) + "\n" for alert in alerts]
    if lines:
        before = path.stat()
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # a server that was killed may have left half a line
            file.seek(0, os.SEEK_END)
            file.write("".join(lines).encode())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # which tells when the call ended


def read_call(path: Path, role: Callable[[int], Role]) -> Call:
    """A call of an earlier run, from its JSON Lines; `role` gives that of a channel, from 0, which has no turns there.

    Raises:
        OSError: The file cannot be read.
        DataError: It is not that of a call.
        ValueError: Its name does not begin with a time of day.
    """
    kept = read_kept(path)
    last = {turn["channel"]: turn for turn in kept.turns}
    scored = {turn["channel"] for turn in kept.turns if turn["emotion"] is not None}
    channels = range(1, max(last, default=1) + 1)
    begun = datetime.strptime(path.stem[: len("YYYYmmdd-HHMMSS")], MOMENT)
    with suppress(LookupError, ValueError):  # the name has no offset from UTC, but the first turn's time of day has
        begun = begun.replace(tzinfo=datetime.fromisoformat(str(kept.turns[0][STARTED_AT])).tzinfo)
    return Call(
        path.stem,
        "file",
        started_at=iso(begun),
        roles=tuple(
            Role(last[channel]["speaker"], channel in scored) if channel in last else role(channel - 1)
            for channel in channels
        ),
        position_s=max((turn["end_s"] for turn in kept.turns), default=0.0),
        turns=len(kept.turns),
        alerts=len(kept.alerts),
        acknowledged=kept.acknowledged,
        emotions=[last[channel]["emotion"] if channel in last else None for channel in channels],
        ended_at=iso(datetime.fromtimestamp(path.stat().st_mtime)),
        reason=_EARLIER,
    )


def iso(moment: datetime) -> str:
    """A time of day with its offset, ISO 8601."""
    return moment.astimezone().isoformat(timespec="milliseconds")
