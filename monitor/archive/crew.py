"""Several threads at work on one list, and one that takes what they bring."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock, Thread
from typing import TYPE_CHECKING

from monitor.archive.scoring import Halted, Manner, Models, Running, score_recording

if TYPE_CHECKING:
    from monitor.archive.outcome import Outcome
    from monitor.archive.recordings import Found

_LOOK_S = 0.1
_WAITING = 16


class _End:
    """A worker has ended: with `error`, where it failed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Shared:
    """A list that several threads take from, each element once."""

    def __init__(self, recordings: Iterable[Found]) -> None:
        self._waiting = iter(recordings)
        self._taking = Lock()

    def __iter__(self) -> Iterator[Found]:
        return self

    def __next__(self) -> Found:
        with self._taking:
            return next(self._waiting)


def by_threads(
    recordings: Iterable[Found], models: Models, manner: Manner, workers: int, running: Running
) -> Iterator[Outcome]:
    """Score recordings in several threads, which share the models.

    Yields:
        What becomes of each, as soon as it is known; fewer where `running` was halted.
    """
    waiting = Shared(recordings)

    def work() -> Iterator[Outcome]:
        for found in waiting:
            yield score_recording(found, models, manner, running)

    return gather([work] * workers, running)


def gather(
    works: Sequence[Callable[[], Iterator[Outcome]]], running: Running, *, awaited: bool = False
) -> Iterator[Outcome]:
    """Let each work in a thread of its own, and hand on what they yield until all have ended, or all is halted.

    Where one fails, or nobody takes what they yield any more, all is halted.

    Args:
        works: What the threads do.
        running: Halts them.
        awaited: Whether the program lasts until the last thread has ended. Else threads that do not end by themselves
            are left behind. In both cases, nothing that they find after a halt is kept.

    Raises:
        BaseException: Whatever a thread failed with.
    """
    found: queue.Queue[Outcome | _End] = queue.Queue(_WAITING)
    for work in works:
        Thread(target=_run, args=(work, found, running), name="archive", daemon=not awaited).start()
    try:
        yield from _taken(found, len(works), running)
    except BaseException:
        running.halt()
        raise


def _taken(found: queue.Queue[Outcome | _End], at_work: int, running: Running) -> Iterator[Outcome]:
    while at_work and not running.halted:
        try:
            # Short waits, since on some systems no signal is seen during a long one.
            item = found.get(timeout=_LOOK_S)
        except queue.Empty:
            continue
        if not isinstance(item, _End):
            yield item
        elif item.error is not None:
            raise item.error
        else:
            at_work -= 1
    yield from _left(found)


def _left(found: queue.Queue[Outcome | _End]) -> Iterator[Outcome]:
    """What was finished before the halt and not yet handed on."""
    while True:
        try:
            item = found.get_nowait()
        except queue.Empty:
            return
        if not isinstance(item, _End):
            yield item


def _run(work: Callable[[], Iterator[Outcome]], found: queue.Queue[Outcome | _End], running: Running) -> None:
    end = _End()
    try:
        for outcome in work():
            if not _put(found, outcome, running):
                return
    except Halted:
        return
    except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
        end = _End(error)
    _put(found, end, running)


def _put(found: queue.Queue[Outcome | _End], item: Outcome | _End, running: Running) -> bool:
    while not running.halted:
        try:
            found.put(item, timeout=_LOOK_S)
        except queue.Full:
            continue
        return True
    return False
