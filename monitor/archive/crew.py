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


def by_threads(
    recordings: Iterable[Found], models: Models, manner: Manner, workers: int, running: Running
) -> Iterator[Outcome]:
    """Score recordings in several threads, which share the models.

    Yields:
        What becomes of each, as soon as it is known; fewer where `running` was halted.
    """
    waiting = iter(recordings)
    taking = Lock()

    def work() -> Iterator[Outcome]:
        while True:
            with taking:
                found = next(waiting, None)
            if found is None:
                return
            yield score_recording(found, models, manner, running)

    return gather([work] * workers, running)


def gather(works: Sequence[Callable[[], Iterator[Outcome]]], running: Running) -> Iterator[Outcome]:
    """Let each work in a thread of its own, and hand on what they yield until all have ended, or all is halted.

    The threads are left behind where they do not end by themselves; nothing that they find later is kept.

    Raises:
        BaseException: Whatever a thread failed with.
    """
    found: queue.Queue[Outcome | _End] = queue.Queue(_WAITING)
    threads = [Thread(target=_run, args=(work, found, running), name="archive", daemon=True) for work in works]
    for thread in threads:
        thread.start()
    at_work = len(threads)
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
