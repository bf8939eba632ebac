"""From `--teacher` to the encodings that a network learns from; see `lessons`."""

from __future__ import annotations

from pathlib import Path

from stser_core.errors import UsageError
from stser_core.members.hub import HubEncoder
from stser_core.training.members.cache import EncodingCache
from stser_core.training.members.encoders import HUB, FrozenHubEncoder, SequenceEncoder, WhisperFolder
from stser_core.training.members.options import wanted_of


def teacher_of(teacher: str | None, whisper: Path | None, cache: Path) -> EncodingCache[SequenceEncoder] | None:
    """The encodings of the teacher that the options name.

    Args:
        teacher: `whisper`, or `encoder:` and a Hub id or folder; `None` for none.
        whisper: Whisper's folder.
        cache: Where encodings are kept.

    Raises:
        UsageError: The options do not fit together.
        CheckpointError: The Hub's encoder cannot be loaded.
        TranscriberError: Whisper cannot be loaded.
        MissingExtraError: faster-whisper is not installed.
    """
    if teacher is None:
        if whisper is not None:
            raise UsageError("--whisper goes with --member whisper or --teacher whisper.")
        return None
    wanted = wanted_of(teacher, whisper, option="--teacher")
    encoder: SequenceEncoder
    if wanted.kind == HUB:
        encoder = FrozenHubEncoder(HubEncoder(wanted.encoder))
    else:
        encoder = WhisperFolder(Path(wanted.encoder))
    return EncodingCache(encoder, cache)
