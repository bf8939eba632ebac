"""The log of events and its readers."""

import asyncio
import json

from monitor.serve import events
from monitor.serve.events import EventLog


def kinds(text):
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_nothing_is_missed_and_nothing_comes_twice():
    async def follow():
        log = EventLog()
        log.add("one", {})
        known = log.last_id
        log.add("two", {"text": "ä\n"})
        first, second = log.subscribe(known), log.subscribe(None)
        log.add("three", {})
        return await first.next(5), await second.next(5), await first.next(0.01)

    missed, fresh, nothing = asyncio.run(follow())

    assert kinds(missed) + kinds(fresh) in (["two", "three", "three"], ["two", "three"])
    assert json.loads(missed.splitlines()[2].removeprefix("data: ")) == {"text": "ä\n"}
    assert nothing in ("", None) or kinds(nothing) == ["three"]


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


def test_a_reader_that_is_far_behind_is_let_go(monkeypatch):
    monkeypatch.setattr(events, "_WAITING", 5)

    async def follow():
        log = EventLog()
        reader = log.subscribe(None)
        for _ in range(6):
            log.add("turn", {})
        await asyncio.sleep(0)
        return await reader.next(5)

    assert asyncio.run(follow()) is None
