"""Checks turns against the alert rules; an alert rings, is shown and written, and runs a command."""

import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Thread

from monitor.alerts.rules import Rule
from monitor.exporters.jsonl import as_json, turn_object
from monitor.queue import ClosableQueue
from monitor.timeline.notes import Alert
from monitor.timeline.turn import Turn
from stser_core.errors import UsageError, reason

_BELL = b"\a"


class Alarm:
    """Checks every finished turn against the rules, in the output thread.

    A rule rings with the turn that makes its count full, once; it can ring again for the same speaker after a turn for
    which it does not hold.
    """

    def __init__(
        self, rules: Sequence[Rule], receive: Callable[[Alert], None], takers: Sequence[Callable[[str], None]] = ()
    ) -> None:
        """Prepare: `receive` gets each alert, and `takers` its turn as JSON with the rule as `alert`; none may wait."""
        self._rules = tuple(rules)
        self._receive = receive
        self._takers = takers
        self._counts: Counter[tuple[int, int, str]] = Counter()

    def check(self, turn: Turn) -> None:
        """Take the next finished turn."""
        for number, rule in enumerate(self._rules):
            if rule.concerns(turn):
                key = (number, turn.channel, turn.speaker)
                self._counts[key] = self._counts[key] + 1 if rule.holds(turn) else 0
                if self._counts[key] == rule.turns:
                    self._tell(rule, turn)

    def _tell(self, rule: Rule, turn: Turn) -> None:
        alert = Alert(
            rule=rule.text,
            time_s=turn.end_s,
            channel=turn.channel,
            speaker=turn.speaker,
            turn=turn.turn,
            emotion=rule.emotion,
            probability=rule.probability(turn),
        )
        self._receive(alert)
        for take in self._takers:
            take(as_json({**turn_object(turn), "alert": rule.text}) + "\n")


def ring() -> None:
    """Ring the terminal's bell, where there is a terminal."""
    for stream in (sys.__stderr__, sys.__stdout__):
        if stream is not None and stream.isatty():
            os.write(stream.fileno(), _BELL)
            return


_WAITING = 8
_PATIENCE_S = 2.0


def command_words(command: str) -> list[str]:
    """Split a command as a shell would, and check that its program exists. It runs without a shell.

    Raises:
        UsageError: The command is empty, a quotation is not closed, or the program does not exist.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--on-alert '{command}' cannot be read: {error}.") from error
    if not words:
        raise UsageError("--on-alert is empty; give the command to run.")
    if shutil.which(words[0]) is None:
        raise UsageError(f"--on-alert '{command}': the program '{words[0]}' was not found.")
    return words


class AlertCommand:
    """Runs a command for each alert, one after the other, with a text on its standard input.

    Its output is discarded. It has a session of its own, so that Ctrl-C for the monitor does not reach it.
    """

    def __init__(self, words: list[str], say: Callable[[str], None], patience_s: float = _PATIENCE_S) -> None:
        """Start waiting for alerts; `say` takes a sentence about what went wrong."""
        self._patience_s = patience_s
        self._words = words
        self._say = say
        self._texts: ClosableQueue[str] = ClosableQueue(_WAITING)
        self._thread = Thread(target=self._work, name="alert command", daemon=True)
        self._thread.start()

    def run(self, text: str) -> None:
        """Run the command soon. Never waits: when too many alerts are waiting, the oldest is dropped."""
        _, dropped = self._texts.put_dropping(text)
        if dropped is not None:
            self._say(f"{self._words[0]} is too slow for the alerts; it was not run for one of them.")

    def hurry(self) -> None:
        """Do not wait for commands any more. From any thread."""
        self._patience_s = 0.0

    def close(self) -> None:
        """Wait a short time for the remaining commands; then leave them running."""
        self._texts.close()
        self._thread.join(self._patience_s)
        if self._thread.is_alive():
            self._say(f"{self._words[0]} has not finished; it was left running.")
            self._texts.cancel()

    def _work(self) -> None:
        while (text := self._texts.get()) is not None:
            try:
                done = subprocess.run(
                    self._words,
                    input=text.encode(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    check=False,
                )
            except OSError as error:
                self._say(f"{self._words[0]} cannot be run on an alert: {reason(error)}.")
            else:
                if done.returncode != 0:
                    self._say(f"{self._words[0]} failed on an alert with exit code {done.returncode}.")
