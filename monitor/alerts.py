"""Alerts: rules such as `angry>0.7 for 2 turns` over finished turns, and what happens when one holds."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Thread

from monitor.counted import counted
from monitor.exporters.jsonl import as_json, turn_object
from monitor.queue import ClosableQueue
from monitor.roles import Role
from monitor.timeline.notes import Alert
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS
from stser_core.errors import UsageError, reason

_RULE = re.compile(
    r"(?:(?P<speaker>[^:]*\S)\s*:)?\s*(?P<emotion>[a-z]+)\s*(?P<relation>>=?)\s*(?P<threshold>\d*\.?\d+)"
    r"(?:\s+for\s+(?P<turns>\d+)\s+turns?)?",
    re.IGNORECASE,
)
_FORM = "write it like 'angry>0.7', 'angry>0.7 for 2 turns' or 'customer: sad>=0.5 for 3 turns'"

_COMMANDS_WAITING = 8
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Rule:
    """An emotion is above a threshold, for so many turns of one speaker in a row."""

    text: str  # the rule as the user wrote it
    emotion: str
    threshold: float
    reached: bool = False  # whether the threshold itself is enough (`>=`)
    turns: int = 1
    speaker: str | None = None  # whose turns count, or `None` for everybody's, each for themselves

    def concerns(self, turn: Turn) -> bool:
        """Whether the turn is one of the speaker's. An emotion that was not scored says nothing either way."""
        return turn.probabilities is not None and (
            self.speaker is None or turn.speaker.casefold() == self.speaker.casefold()
        )

    def probability(self, turn: Turn) -> float:
        """The turn's probability of the emotion."""
        return 0.0 if turn.probabilities is None else turn.probabilities[LABELS.index(self.emotion)]

    def holds(self, turn: Turn) -> bool:
        """Whether a turn counts."""
        probability = self.probability(turn)
        return probability > self.threshold or (self.reached and probability == self.threshold)


def parse(text: str) -> Rule:
    """Read a rule: `[SPEAKER:] EMOTION>PROBABILITY [for N turns]`, with `>` or `>=`.

    Raises:
        UsageError: It cannot be read, or could never come true.
    """
    found = _RULE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"The alert '{text}' cannot be read; {_FORM}.")
    emotion, threshold, turns = found["emotion"].lower(), float(found["threshold"]), int(found["turns"] or 1)
    if emotion not in LABELS:
        raise UsageError(f"The alert '{text}' names the unknown emotion '{emotion}'; choose from {', '.join(LABELS)}.")
    reached = found["relation"] == ">="
    if threshold > 1 or (threshold == 1 and not reached):
        raise UsageError(f"The alert '{text}' can never come true, as no probability is above 1.")
    if turns < 1:
        raise UsageError(f"The alert '{text}' asks for {turns} turns; it has to be 1 or more.")
    speaker = found["speaker"]
    return Rule(text.strip(), emotion, threshold, reached, turns, None if speaker is None else speaker.strip())


def require_speakers(rules: Iterable[Rule], roles: Iterable[Role], *, others: bool = False) -> None:
    """Raise a `UsageError` for a rule about a speaker who is not scored, or unknown unless there may be others."""
    known = {role.speaker.casefold(): role for role in roles}
    for rule in rules:
        if rule.speaker is None or (others and rule.speaker.casefold() not in known):
            continue
        if (role := known.get(rule.speaker.casefold())) is None:
            there = ", ".join(role.speaker for role in known.values())
            raise UsageError(f"The alert '{rule.text}' is about '{rule.speaker}'; the speakers are {there}.")
        if not role.scored:
            raise UsageError(f"The alert '{rule.text}' can never come true, as {rule.speaker} is not scored.")


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
            os.write(stream.fileno(), b"\a")
            return


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
        self._texts: ClosableQueue[str] = ClosableQueue(_COMMANDS_WAITING)
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
        """Wait a short time for the remaining commands; then leave the one that runs, and say how many are lost."""
        self._texts.close()
        self._thread.join(self._patience_s)
        if self._thread.is_alive():
            left = len(self._texts.cancel())
            lost = f", and {counted(left, 'alert')} could not be given to it" if left else ""
            self._say(f"{self._words[0]} has not finished; it was left running{lost}.")

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
