"""A queue that can be closed from either end."""

from threading import Event, Thread

import pytest
from waiting import wait_until

from monitor.queue import ClosableQueue


def test_after_closing_the_rest_is_taken_and_nothing_accepted():
    queue = ClosableQueue(3)
    queue.put("a")
    queue.close()
    assert not queue.put("b")
    assert queue.put_dropping("b") == (False, None)
    assert not queue.try_put("b")
    assert [queue.get(), queue.get()] == ["a", None]


def test_after_cancelling_nothing_is_taken_and_what_was_left_is_known():
    queue = ClosableQueue(3)
    queue.put("a")
    assert queue.cancel() == ["a"]
    assert queue.cancel() == []
    assert queue.closed
    assert queue.get() is None
    assert not queue.put("b")


@pytest.mark.parametrize("end", ["close", "cancel"])
@pytest.mark.parametrize(("full", "found"), [(True, False), (False, None)])
def test_ending_it_wakes_whoever_waits_for_room_or_an_item(end, full, found):
    queue = ClosableQueue(1)
    came = []
    if full:
        queue.put("a")
    waiting = Thread(target=lambda: came.append(queue.put("b") if full else queue.get()), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    getattr(queue, end)()
    waiting.join(5)
    assert came == [found]


def test_an_offer_is_taken_only_by_one_who_is_waiting():
    queue = ClosableQueue(4)
    assert not queue.try_put("nobody waits")
    go_on = Event()

    def take_twice():
        queue.get()
        go_on.wait(5)
        queue.get()

    taking = Thread(target=take_twice, daemon=True)
    taking.start()
    wait_until(lambda: queue.try_put("first"))
    assert not queue.try_put("the taker is busy")
    assert queue.put("what must not be lost")
    assert len(queue) <= 2
    go_on.set()
    taking.join(5)
    assert not taking.is_alive()
