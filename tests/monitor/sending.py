"""Sends sound to a server as callers do."""

import uuid

from benchmarks.callers import AudioSocket, Pcm, Twilio


async def sent(calling, sound, frames=None, *, die=False):
    """Send a sound as fast as it is taken."""
    async with calling as caller:
        for number in range(sound.frames if frames is None else frames):
            await caller.send(sound, number)
        if die:
            caller.die()
        else:
            await caller.hang_up()


def calling(served, protocol, name="x"):
    if protocol == "audiosocket":
        return AudioSocket.call("127.0.0.1", served.audiosocket, uuid.uuid4())
    return {"twilio": Twilio, "pcm": Pcm}[protocol].call(served.ws, name, 2)
