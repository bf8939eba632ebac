"""The log of events and its readers; test_server.py reads it over HTTP."""

import asyncio

import pytest

from monitor.serve import events
from monitor.serve.events import EventLog


@pytest.mark.parametrize(
    ("place", "behind", "sent"),
    [
        (None, -1, ["reset"]),
        (None, 0, []),
        (None, 3, ["turn"] * 3),
        (None, 5, ["reset"]),
        (2, 1_000, ["turn"]),
        (2, 1_001, ["reset"]),
    ],
)
def test_a_reader_gets_what_it_missed_where_that_is_known(monkeypatch, place, behind, sent):
    monkeypatch.setattr(events, "_KEPT", 3)

    async def follow():
        log = EventLog(place)
        for _ in range(5):
            log.add("turn", {})
        assert place is None or log.last_id % 1_000 == place
        reader = log.follow(log.last_id - behind)
        await anext(reader)
        log.add("last", {})
        await asyncio.sleep(0)
        return await anext(reader)

    told = [line.removeprefix("event: ") for line in asyncio.run(follow()).splitlines() if line.startswith("event: ")]
    assert told == [*sent, "last"]


def test_the_present_state_never_queues():
    async def follow():
        log = EventLog()
        reader = log.follow(None)
        await anext(reader)
        for position in range(100):
            log.show({"position": position})
        return await anext(reader)

    assert asyncio.run(follow()) == 'event: now\ndata: {"position": 99}\n\n'
