"""A queue that can be closed from either end."""

import time
from threading import Event, Thread

import pytest

from monitor.conveyor import Conveyor


def in_thread(work):
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_carries_everything_in_order_through_the_smallest_room():
    conveyor = Conveyor(1)
    taken = []

    def take_all():
        while (item := conveyor.take()) is not None:
            taken.append(item)

    taking = in_thread(take_all)
    assert all(conveyor.put(number) for number in range(1, 500))
    conveyor.close()
    taking.join(5)
    assert taken == list(range(1, 500))


def test_after_closing_the_rest_is_taken_and_nothing_accepted():
    conveyor = Conveyor(3)
    conveyor.put("a")
    conveyor.close()
    assert not conveyor.put("b")
    assert conveyor.put_dropping("b") == (False, None)
    assert [conveyor.take(), conveyor.take()] == ["a", None]


def test_after_cancelling_nothing_is_taken_and_what_was_left_is_known():
    conveyor = Conveyor(3)
    conveyor.put("a")
    assert conveyor.cancel() == ["a"]
    assert conveyor.cancel() == []
    assert conveyor.cancelled
    assert conveyor.take() is None
    assert not conveyor.put("b")


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_ending_it_wakes_whoever_waits_for_room(end):
    conveyor = Conveyor(1)
    conveyor.put("a")
    accepted = []
    waiting = in_thread(lambda: accepted.append(conveyor.put("b")))
    waiting.join(0.05)
    assert waiting.is_alive()
    getattr(conveyor, end)()
    waiting.join(5)
    assert accepted == [False]


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_ending_it_wakes_whoever_waits_for_an_item(end):
    conveyor = Conveyor(1)
    taken = []
    waiting = in_thread(lambda: taken.append(conveyor.take()))
    waiting.join(0.05)
    assert waiting.is_alive()
    getattr(conveyor, end)()
    waiting.join(5)
    assert taken == [None]


def test_the_oldest_makes_room_when_nothing_may_wait():
    conveyor = Conveyor(2)
    assert [conveyor.put_dropping(item) for item in "abc"] == [(True, None), (True, None), (True, "a")]
    assert [conveyor.take(), conveyor.take()] == ["b", "c"]


def test_only_what_is_wanted_is_taken_and_nothing_waited_for():
    conveyor = Conveyor(2)
    assert conveyor.take_if(lambda item: True) is None
    conveyor.put("a")
    assert conveyor.take_if(lambda item: item == "b") is None
    assert conveyor.take_if(lambda item: item == "a") == "a"


def test_an_offer_is_taken_only_by_one_who_is_waiting():
    conveyor = Conveyor(4)
    assert not conveyor.offer("nobody waits")
    taken = []
    taking = in_thread(lambda: taken.append(conveyor.take()))
    deadline = time.monotonic() + 5
    while not conveyor.offer("now") and time.monotonic() < deadline:
        time.sleep(0.001)
    taking.join(5)
    assert taken == ["now"]
    assert not conveyor.offer("gone again")


def test_only_one_offer_at_a_time_is_accepted():
    conveyor = Conveyor(4)
    go_on = Event()

    def take_twice():
        conveyor.take()
        go_on.wait(5)
        conveyor.take()

    taking = in_thread(take_twice)
    deadline = time.monotonic() + 5
    while not conveyor.offer("first") and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not conveyor.offer("the taker is busy")
    assert conveyor.put("what must not be lost")
    assert len(conveyor) <= 2
    go_on.set()
    taking.join(5)
    assert not taking.is_alive()


def test_after_closing_an_offer_is_refused():
    conveyor = Conveyor(4)
    taking = in_thread(conveyor.take)
    conveyor.close()
    taking.join(5)
    assert not conveyor.offer("too late")
