"""A queue that can be closed from either end."""

from threading import Thread

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
