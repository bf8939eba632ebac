"""What happens when an alert comes true: it rings, is shown, is written down, and runs a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from monitor.alerts.command import AlertCommand
from monitor.alerts.rules import Watch
from monitor.exporters.jsonl import as_json, turn_object
from monitor.timeline.notes import Alert
from monitor.timeline.turn import Turn

_BELL = b"\a"


class Alarm:
    """Holds every finished turn against the rules, in the output thread."""

    def __init__(
        self, watch: Watch, receivers: Sequence[Callable[[Alert], None]], command: AlertCommand | None
    ) -> None:
        """Prepare.

        Args:
            watch: The rules.
            receivers: Each is called with every alert.
            command: What to run, if anything; it gets the turn's JSON object with the rule as `alert`.
        """
        self._watch = watch
        self._receivers = receivers
        self._command = command

    def hear(self, turn: Turn) -> None:
        """Take the next finished turn."""
        for alert in self._watch.hear(turn):
            for receive in self._receivers:
                receive(alert)
            if self._command is not None:
                self._command.run(_as_text(turn, alert))


def _as_text(turn: Turn, alert: Alert) -> str:
    return as_json({**turn_object(turn), "alert": alert.rule}) + "\n"


def ring(alert: Alert) -> None:
    """Ring the terminal's bell, where there is a terminal."""
    for stream in (sys.__stderr__, sys.__stdout__):
        if stream is not None and stream.isatty():
            os.write(stream.fileno(), _BELL)
            return
