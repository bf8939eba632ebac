"""Notices to the user on standard error, one sentence each."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monitor.options import ScoringOptions
from monitor.roles import Role, named
from stser_core.command_line import complain, harmless, tell

PROGRAM = "stser-monitor"
_LIKE_AGENT = re.compile(r"agent|operator|represent|^rep\b|advis[eo]r|employee|staff|clerk|^csr|support", re.IGNORECASE)


class Notices:
    """Writes notices to standard error, or nothing where the user wants quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._screen: Callable[[str], None] | None = None

    def divert(self, screen: Callable[[str], None] | None) -> None:
        """Give sentences to a screen that covers the terminal, or, with `None`, write them again."""
        self._screen = screen

    def say(self, sentence: str) -> None:
        """Say one sentence. From any thread."""
        if not self.quiet:
            self.complain(sentence)

    def complain(self, sentence: str) -> None:
        """Say what went wrong, also where the user wants quiet. From any thread."""
        screen = self._screen
        if screen is not None:
            screen(harmless(sentence))
        else:
            complain(PROGRAM, sentence)

    def line(self, *texts: str) -> None:
        """Write lines as they are."""
        if not self.quiet:
            for text in texts:
                tell(text)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show on a terminal what takes its time, until it is done; nothing of it stays."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(f"{what} …", spinner_style="dim"):
            yield


def warn_of_agents(scoring: ScoringOptions, notices: Notices) -> None:
    """Say that a channel is scored though its name looks like an employee's; only `agent` is left out."""
    given = [Role.of(name, score_agents=scoring.score_agents) for name in named(scoring.channels)]
    scored = [role.speaker for role in given if role.scored and _LIKE_AGENT.search(role.speaker)]
    if scored and not scoring.score_agents:
        who = " and ".join(scored)
        notices.say(f"the emotion of {who} is scored like a customer's; only the name agent prevents it.")
