"""Rules such as `angry>0.7 for 2 turns`, as they are read from the command line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.roles import Role
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS
from stser_core.errors import UsageError

_RULE = re.compile(
    r"(?:(?P<speaker>[^:]*\S)\s*:)?\s*(?P<emotion>[a-z]+)\s*(?P<relation>>=?)\s*(?P<threshold>\d*\.?\d+)"
    r"(?:\s+for\s+(?P<turns>\d+)\s+turns?)?",
    re.IGNORECASE,
)
_FORM = "write it like 'angry>0.7', 'angry>0.7 for 2 turns' or 'customer: sad>=0.5 for 3 turns'"


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
    """Refuse rules about a speaker whose emotion is not scored, or who is unknown unless there may be others.

    Raises:
        UsageError: With the rule and the known speakers.
    """
    known = {role.speaker.casefold(): role for role in roles}
    for rule in rules:
        if rule.speaker is None or (others and rule.speaker.casefold() not in known):
            continue
        if (role := known.get(rule.speaker.casefold())) is None:
            there = ", ".join(role.speaker for role in known.values())
            raise UsageError(f"The alert '{rule.text}' is about '{rule.speaker}'; the speakers are {there}.")
        if not role.scored:
            raise UsageError(f"The alert '{rule.text}' can never come true, as {rule.speaker} is not scored.")
