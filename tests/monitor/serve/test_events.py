"""The log of events and its readers; test_server.py reads it over HTTP."""

import asyncio

from monitor.serve import events
from monitor.serve.events import EventLog


async def following(log, *numbers):
    """Readers that follow a log."""
    readers = [log.follow(number) for number in numbers]
    for reader in readers:
        await anext(reader)
    return readers


async def kinds(reader):
    """Of the events that it is sent."""
    text = await anext(reader)
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_a_number_that_is_not_known_resets(monkeypatch):
    monkeypatch.setattr(events, "_KEPT", 3)

    async def follow():
        log = EventLog()
        first = log.last_id
        for _ in range(5):
            log.add("turn", {})
        readers = await following(log, first, log.last_id + 1, log.last_id - 3)
        log.add("last", {})
        await asyncio.sleep(0)
        return [await kinds(reader) for reader in readers]

    assert asyncio.run(follow()) == [["reset", "last"], ["reset", "last"], ["turn", "turn", "turn", "last"]]


def test_a_number_of_another_replica_resets():
    async def follow():
        log = EventLog(place=2)
        for _ in range(3):
            log.add("turn", {})
        readers = await following(log, log.last_id - 1_000, log.last_id - 1_001)
        return log.last_id % 1_000, [await kinds(reader) for reader in readers]

    assert asyncio.run(follow()) == (2, [["turn"], ["reset"]])


def test_the_present_state_never_queues():
    async def follow():
        log = EventLog()
        (reader,) = await following(log, None)
        for position in range(100):
            log.show({"position": position})
        return await anext(reader)

    assert asyncio.run(follow()) == 'event: now\ndata: {"position": 99}\n\n'
