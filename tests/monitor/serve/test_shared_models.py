"""Who works first where there are more lines than processors."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from waiting import wait_until

from monitor.serve.shared_models import Processors, SharedTranscriber


class Slow:
    """A transcriber, and its only stream, which decodes for as long as it is told to."""

    name = "slow"

    def __init__(self):
        self.go_on, self.feeding = Event(), []

    def listen(self, start_s):
        return self

    def feed(self, samples):
        self.feeding.append(samples)
        assert self.go_on.wait(20)

    def finish(self):
        return "last words"


def test_last_words_do_not_wait_for_speech_that_goes_on():
    slow = Slow()
    shared = SharedTranscriber(slow, Processors(2))
    with ThreadPoolExecutor(8) as threads:
        feeds = [threads.submit(shared.listen(0.0).feed, number) for number in range(4)]
        wait_until(lambda: len(slow.feeding) == 2)
        assert threads.submit(shared.listen(0.0).finish).result(20) == "last words"
        assert len(slow.feeding) == 2  # the other two wait

        slow.go_on.set()
        for feed in feeds:
            feed.result(20)
    assert sorted(slow.feeding) == [0, 1, 2, 3]


def test_speech_that_goes_on_waits_for_finished_turns_also_for_those_that_fail():
    processors, ran, ended = Processors(2), [], Event()

    def turn():
        with processors.taken(urgent=True):
            ran.append("turn")
            assert ended.wait(20)
            raise RuntimeError("a fault")

    def speech():
        with processors.taken(urgent=False):
            ran.append("speech")
            raise RuntimeError("a fault")

    with ThreadPoolExecutor(8) as threads:
        turns = [threads.submit(turn) for _ in range(3)]
        wait_until(lambda: len(ran) == 3)
        waiting = [threads.submit(speech) for _ in range(3)]
        assert ran == ["turn"] * 3
        ended.set()
        for each in (*turns, *waiting):
            with pytest.raises(RuntimeError, match="a fault"):
                each.result(20)
    assert ran == ["turn"] * 3 + ["speech"] * 3
