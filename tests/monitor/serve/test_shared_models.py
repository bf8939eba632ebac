"""Who works first where there are more lines than processors."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from waiting import wait_until

from monitor.serve.shared_models import Processors, SharedTranscriber


class Transcriber:
    """Decodes for as long as it is told to."""

    name = "slow"

    def __init__(self):
        self.go_on, self.feeding, self.done = Event(), [], []

    def listen(self, start_s):
        return Stream(self, start_s)


class Stream:
    def __init__(self, transcriber, start_s):
        self._transcriber, self._start_s = transcriber, start_s

    def feed(self, samples):
        self._transcriber.feeding.append(self._start_s)
        assert self._transcriber.go_on.wait(20)
        self._transcriber.done.append(("feed", self._start_s))

    def finish(self):
        self._transcriber.done.append(("finish", self._start_s))
        return self._start_s


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_last_words_do_not_wait_for_speech_that_goes_on(threads):
    slow = Transcriber()
    shared = SharedTranscriber(slow, Processors(2))
    streams = [shared.listen(float(number)) for number in range(5)]
    feeds = [threads.submit(stream.feed, b"") for stream in streams[:4]]
    wait_until(lambda: len(slow.feeding) == 2)

    assert threads.submit(streams[4].finish).result(20) == 4
    assert slow.done == [("finish", 4)]
    assert len(slow.feeding) == 2  # the other two wait

    slow.go_on.set()
    for feed in feeds:
        feed.result(20)
    assert sorted(slow.done[1:]) == [("feed", number) for number in range(4)]


def test_speech_that_goes_on_waits_for_finished_turns(threads):
    processors, ran, ended = Processors(2), [], Event()

    def turn():
        with processors.taken(urgent=True):
            ran.append("turn")
            assert ended.wait(20)

    def speech():
        with processors.taken(urgent=False):
            ran.append("speech")

    turns = [threads.submit(turn) for _ in range(3)]
    wait_until(lambda: len(ran) == 3)
    waiting = [threads.submit(speech) for _ in range(3)]
    assert ran == ["turn"] * 3
    ended.set()
    for each in (*turns, *waiting):
        each.result(20)
    assert ran == ["turn"] * 3 + ["speech"] * 3


def test_work_that_fails_leaves_its_processor(threads):
    processors = Processors(1)
    for urgent in (True, False):
        with pytest.raises(ZeroDivisionError), processors.taken(urgent=urgent):
            1 / 0  # noqa: B018
    with processors.taken(urgent=False):
        pass
