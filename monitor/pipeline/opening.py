"""Opens a recording for a pipeline: which channels it has, who is on each, and whether they are only one."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.roles import Role, merged, roles
from monitor.sources.recording import Recording, channels_same
from stser_core.audio import AudioFile, TrackChoice
from stser_core.errors import UsageError


@dataclass(frozen=True)
class Opened:
    """A recording, and what a pipeline needs to know of it.

    Attributes:
        recording: The source.
        roles: One for each of its channels.
    """

    recording: Recording
    roles: tuple[Role, ...]


def track_choice(option: str | None) -> TrackChoice:
    """The audio track that `--track` means.

    Raises:
        UsageError: It is neither a number nor `all`.
    """
    if option is None:
        return None
    if option == "all":
        return "all"
    if not option.isdecimal():
        raise UsageError(f"--track is '{option}'; it has to be the number of an audio track, counted from 1, or all.")
    return int(option)


def open_recording(
    file: AudioFile,
    channels: str | None = None,
    *,
    track: TrackChoice = None,
    score_agents: bool = False,
    name: str | None = None,
) -> Opened:
    """Look at a recording and give its channels their roles; those that are all the same become one.

    Args:
        file: Its path, or the file itself.
        channels: What `--channels` says; see `roles`.
        track: Which audio track; see `stser_core.audio`.
        score_agents: Whether the emotion of agents is scored.
        name: Its name in the timeline; the file's own without it.

    Raises:
        AudioError: The file is missing or is not audio.
        UsageError: The roles do not fit its channels.
    """
    recording = Recording(file, track=track, name=name)
    given = roles(channels, recording.channels, recording.name, score_agents=score_agents)
    if recording.channels == len(given) == 1:
        return Opened(recording, given)
    mixed = Recording(file, mix=True, track=track, name=name)
    if len(given) == 1:
        return Opened(mixed, given)
    if not channels_same(file, track):
        return Opened(recording, given)
    role = merged(given, named=channels is not None)
    scored = "" if role.scored else " Nothing is scored, since an agent may speak in it (see --score-agents)."
    same = "both channels" if recording.channels == 2 else f"all {recording.channels} channels"
    mixed.notices.append(f"{same} of {recording.name} are the same, so it is treated as mono.{scored}")
    return Opened(mixed, (role,))
