"""The log of events and its readers; test_server.py reads it over HTTP."""

import asyncio

from monitor.serve.events import EventLog


def kinds(text):
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_the_present_state_never_queues():
    async def follow():
        log = EventLog()
        reader = log.subscribe(None)
        for position in range(100):
            log.show({"position": position})
        return await reader.next(5)

    text = asyncio.run(follow())

    assert kinds(text) == ["now"]
    assert '{"position": 99}' in text
