"""What a compressed file begins with, so that none is taken for raw sound."""

from __future__ import annotations

import re

from stser_core.errors import AudioError

# Four bytes or more each, so that chance makes raw sound begin like one in a thousand million streams at most.
_SIGNATURES = {
    "FLAC": re.compile(rb"fLaC"),  # RFC 9639, section 6
    "Ogg": re.compile(rb"OggS"),  # RFC 3533, section 6
    "MP3": re.compile(rb"ID3[\x02-\x04]\x00"),  # ID3v2, section 3.1: its version and revision
    "MP4": re.compile(rb".{4}ftyp", re.DOTALL),  # ISO/IEC 14496-12, section 4.3
    "Matroska or WebM": re.compile(rb"\x1a\x45\xdf\xa3"),  # RFC 8794, section 8.1
}


def refuse_compressed(start: bytes, rate: int, channels: int) -> None:
    """Refuse a stream that is no raw sound.

    Args:
        start: Its first 8 bytes or more; fewer where it ends.
        rate: Samples per second that were announced, for the message.
        channels: Channels that were announced, for the message.

    Raises:
        AudioError: It begins as a compressed file does.
    """
    for name, signature in _SIGNATURES.items():
        if signature.match(start):
            raise AudioError(
                f"Standard input is {name}, not raw PCM; decode it first "
                f"(ffmpeg -i - -f s16le -ar {rate} -ac {channels} -), or use replay."
            )
