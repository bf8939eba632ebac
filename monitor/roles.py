"""Roles of the channels, from `--channels`: speaker names, and whose emotion may be scored."""

from dataclasses import dataclass

from monitor.counted import counted
from stser_core.errors import UsageError

MIX = "mix"
MIXED = "mixed"
AGENT = "agent"


@dataclass(frozen=True)
class Role:
    """The part that a channel has in a conversation."""

    speaker: str  # its name in the timeline
    # Whether its emotion is scored. An agent is an employee at work, whose emotion is not scored unless the user asks
    # for it (README.md, "Who may be monitored").
    scored: bool = True

    @classmethod
    def of(cls, speaker: str, *, score_agents: bool) -> "Role":
        """The role of a channel with this name."""
        return cls(speaker, scored=score_agents or speaker.casefold() != AGENT)


def named(channels: str | None) -> list[str]:
    """The names that `--channels` gives: none for `mix`, or without the option.

    Raises:
        UsageError: A name is empty or there twice.
    """
    if channels is None or channels.strip() == MIX:
        return []
    names = [name.strip() for name in channels.split(",")]
    if not all(names):
        raise UsageError(f"--channels '{channels}' has an empty name; write one for each channel.")
    if (again := next((name for place, name in enumerate(names) if name in names[:place]), None)) is not None:
        raise UsageError(f"--channels '{channels}' has the name {again} twice; give each channel a name of its own.")
    return names


def roles(channels: str | None, present: int, recording: str, *, score_agents: bool) -> tuple[Role, ...]:
    """Give each channel of a recording, or all of them with `mix`, its role, by the value of `--channels`.

    Raises:
        UsageError: The number of names is not the number of channels, or a name is empty or there twice.
    """
    if channels is None:
        return tuple(Role(f"speaker{channel}") for channel in range(1, present + 1))
    if channels.strip() == MIX:
        return (Role(MIXED),)
    names = named(channels)
    if len(names) != present:
        raise UsageError(
            f"--channels names {counted(len(names), 'channel')} ({', '.join(names)}), "
            f"but {recording} has {counted(present, 'channel')}."
        )
    return tuple(Role.of(name, score_agents=score_agents) for name in names)
