"""Opens a recording for a pipeline: which channels it has, who is on each, and whether they are only one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.roles import Role, merged, roles
from monitor.sources.recording import Recording, channels_identical


@dataclass(frozen=True)
class Opened:
    """A recording, and what a pipeline needs to know of it.

    Attributes:
        recording: The source.
        roles: One for each of its channels.
        notice: What the user should be told, as a sentence, or `None`.
    """

    recording: Recording
    roles: tuple[Role, ...]
    notice: str | None = None


def open_recording(
    path: str | Path,
    channels: str | None = None,
    *,
    score_agents: bool = False,
    realtime: bool = False,
    name: str | None = None,
) -> Opened:
    """Look at a recording and give its channels their roles; those that are all the same become one.

    Args:
        path: The file.
        channels: What `--channels` says; see `roles`.
        score_agents: Whether the emotion of agents is scored.
        realtime: Whether it plays at the speed of sound.
        name: Its name in the timeline; the file's own without it.

    Raises:
        AudioError: The file is missing or is not audio.
        UsageError: The roles do not fit its channels.
    """
    recording = Recording(path, realtime=realtime, name=name)
    given = roles(channels, recording.channels, recording.name, score_agents=score_agents)
    if recording.channels == len(given) == 1:
        return Opened(recording, given)
    mixed = Recording(path, mix=True, realtime=realtime, name=name)
    if len(given) == 1:
        return Opened(mixed, given)
    if not channels_identical(path):
        return Opened(recording, given)
    role = merged(given, named=channels is not None)
    scored = "" if role.scored else " Nothing is scored, since an agent may be heard in it (see --score-agents)."
    same = "both channels" if recording.channels == 2 else f"all {recording.channels} channels"
    return Opened(mixed, (role,), f"{same} of {recording.name} are the same, so it is treated as mono.{scored}")
