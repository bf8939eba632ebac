"""The log of events and its readers; test_server.py reads it over HTTP."""

import asyncio

from monitor.serve import events
from monitor.serve.events import EventLog


def kinds(text):
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_numbers_that_are_not_known_reset(monkeypatch):
    monkeypatch.setattr(events, "_KEPT", 3)

    async def follow():
        log = EventLog()
        first = log.last_id
        for _ in range(5):
            log.add("turn", {})
        old, future, kept = (log.subscribe(number) for number in (first, log.last_id + 1, log.last_id - 3))
        log.add("last", {})
        await asyncio.sleep(0)
        return [kinds(await reader.next(5)) for reader in (old, future, kept)]

    assert asyncio.run(follow()) == [["reset", "last"], ["reset", "last"], ["turn", "turn", "turn", "last"]]


def test_a_number_of_another_replica_resets():
    async def follow():
        log = EventLog(place=2)
        for _ in range(3):
            log.add("turn", {})
        own, other = log.subscribe(log.last_id - 1_000), log.subscribe(log.last_id - 1_001)
        return log.last_id % 1_000, [kinds(await reader.next(5)) for reader in (own, other)]

    assert asyncio.run(follow()) == (2, [["turn"], ["reset"]])


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
