"""Stream a recording to stser-monitor serve as Twilio's Media Streams would, in real time.

    scripts/stream_call call.wav [ws://127.0.0.1:8765?token=TOKEN]

Its first channel is the inbound track, the second the outbound one.
"""

from __future__ import annotations

import asyncio
import sys
import uuid

from av import FFmpegError
from websockets.exceptions import WebSocketException

from benchmarks.callers import Sound, Twilio, play


async def stream(recording: str, server: str) -> None:
    """Stream it once."""
    whole = Sound.read(recording)
    sound = Sound(whole.samples[:2])
    async with Twilio.call(server, f"CA{uuid.uuid4().hex}", sound.channels) as caller:
        await play(caller, sound)
        await caller.hang_up()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    to = sys.argv[2] if len(sys.argv) > 2 else "ws://127.0.0.1:8765"
    try:
        asyncio.run(stream(sys.argv[1], to))
    except KeyboardInterrupt:
        sys.exit(130)
    except (FFmpegError, OSError, WebSocketException) as error:
        sys.exit(f"The call could not be streamed to {to.partition('?')[0]}: {error}")
