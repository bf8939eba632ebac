"""What is lost where nothing may wait; tests of the pipeline show the rest of the queue's behaviour."""

from monitor.queue import ClosableQueue


def test_the_oldest_makes_room_when_nothing_may_wait():
    queue = ClosableQueue(2)
    assert [queue.put_dropping(item) for item in "abc"] == [(True, None), (True, None), (True, "a")]
    assert [queue.get(), queue.get()] == ["b", "c"]
    queue.close()
    assert queue.put_dropping("d") == (False, None)
