"""Several processes at work on one list, each with models of its own: where threads would wait for Python's lock.

The processes only hear and score; the one that started them keeps every result, as it does with threads. Each has one
recording at a time, so that a process that dies takes that one with it and no other, and everybody knows which.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeAlias

from monitor.archive.crew import Shared, gather
from monitor.archive.outcome import Failed, Outcome, Scored
from monitor.archive.scoring import LoadModels, Manner, Models, Running, score_recording
from stser_core.errors import PipelineError, StserError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from types import TracebackType

    from monitor.archive.recordings import Found

_CONTEXT = multiprocessing.get_context("spawn")  # a process that was forked after torch had threads may hang
_TELL_S = 0.5
_GRACE_S = 0.2
_PATIENCE = 5
_one_at_a_time = Lock()  # multiprocessing's list of children is not made for threads that start and end them at once


@dataclass(frozen=True)
class _Loaded:
    """A process has its models, or else a sentence why not."""

    fault: str | None = None


_Message: TypeAlias = "float | _Loaded | Outcome"


class _Lost(Exception):  # noqa: N818
    """A worker process has ended by itself; the message says how."""


def by_processes(
    recordings: Sequence[Found], load: LoadModels, manner: Manner, workers: int, running: Running
) -> Iterator[Outcome]:
    """Score recordings in several processes.

    What was being heard by a process that dies is tried once more, at the end and with no other process at work:
    so one that a lack of memory ended gets all there is, and one that kills whoever hears it is known.

    Args:
        recordings: Which.
        load: Called by each process once; it is pickled, so it must be importable.
        manner: How recordings become timelines.
        workers: How many processes.
        running: Ends it all, and the processes, when halted.

    Yields:
        What becomes of each, as soon as it is known; fewer where `running` was halted.

    Raises:
        PipelineError: A process cannot load the models, or one after the other dies.
    """
    waiting = Shared(recordings)
    lost: list[Found] = []

    def work() -> Iterator[Outcome]:
        in_a_row = 0
        with _Worker(load, manner, running) as worker:
            for found in waiting:
                try:
                    outcome = worker.outcome(found)
                except _Lost as error:
                    lost.append(found)
                    in_a_row += 1
                    if in_a_row == _PATIENCE:
                        raise PipelineError(_again_and_again(found, error)) from error
                    continue
                in_a_row = 0
                yield outcome

    def once_more() -> Iterator[Outcome]:
        with _Worker(load, manner, running) as worker:
            for found in lost:
                try:
                    outcome = worker.outcome(found)
                except _Lost as error:
                    outcome = Failed(found.name, f"Twice, the process that heard it {error}, the second time alone.")
                yield outcome

    # Awaited, so that no process is left that was just being started.
    yield from gather([work] * min(workers, len(recordings)), running, awaited=True)
    yield from gather([once_more], running, awaited=True)


def _again_and_again(found: Found, error: _Lost) -> str:
    return (
        f"{_PATIENCE} worker processes in a row died, and the last one {error} while it heard '{found.name}'; "
        "try fewer --workers, or --workers 1."
    )


class _Worker:
    """A process and the end of its pipe that is here; started when it is first needed, and again after it died.

    Attributes:
        position_s: How many seconds it has read of the recording that it is hearing.
    """

    def __init__(self, load: LoadModels, manner: Manner, running: Running) -> None:
        self.position_s = 0.0
        self._load = load
        self._manner = manner
        self._running = running
        self._process: SpawnProcess | None = None
        self._pipe: Connection[object, _Message]

    def __enter__(self) -> _Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def outcome(self, found: Found) -> Outcome:
        """Have a recording heard.

        Raises:
            _Lost: The process died of it.
            PipelineError: There is no process, since it cannot load the models.
            Halted: It was given up.
        """
        with self._running.hearing(self):
            if self._process is None:
                self._start()
            try:
                self._pipe.send(found)
                while not isinstance(message := self._pipe.recv(), (Scored, Failed)):
                    self.position_s = message if isinstance(message, float) else 0.0
            except (EOFError, OSError) as error:
                raise _Lost(self._death()) from error
            finally:
                self.position_s = 0.0
            return message

    def abort(self) -> None:
        """Give up what is being heard, and the process with it. From any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> None:
        self._pipe, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(theirs, self._load, self._manner), daemon=True)
        try:
            with _one_at_a_time, _deaf_to_interrupts():
                process.start()
        except OSError as error:
            raise PipelineError(f"No worker process can be started ({error.strerror}); try fewer --workers.") from error
        finally:
            theirs.close()
        self._process = process
        if self._running.halted:
            self.abort()  # the halt may have come when there was nothing to abort
        self._await_models()

    def _await_models(self) -> None:
        try:
            while not isinstance(message := self._pipe.recv(), _Loaded):
                pass
        except (EOFError, OSError) as error:
            how = self._death()
            raise PipelineError(f"A worker process {how} while it loaded the models; try fewer --workers.") from error
        if message.fault is not None:
            raise PipelineError(f"A worker process could not load the models ({message.fault.rstrip('.')}).")

    def _death(self) -> str:
        """How the process died."""
        # A signal to all of us at once is known here a moment later than there; `hearing` then says that we stop.
        time.sleep(_GRACE_S)
        code = self._end()
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (" (is memory short?)" if name == "SIGKILL" else "")

    def _end(self) -> int | None:
        """Leave no process behind.

        Returns:
            The exit code, negative for a signal, of a process that had ended by itself.
        """
        process, self._process = self._process, None
        if process is None:
            return None
        self._pipe.close()
        with _one_at_a_time:
            process.kill()
            process.join()
        return process.exitcode


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process that is started meanwhile sees no Ctrl-C from its first moment on, though a terminal sends it to all.

    For a thread that is not the main one, where this changes nothing else.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the first process would start it, which clears the mask again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection[_Message, Found], load: LoadModels, manner: Manner) -> None:
    """What a worker process does, as long as there is somebody at the other end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running, sending = Running(), Lock()

    def send(message: _Message) -> None:
        with sending:
            pipe.send(message)

    def tell_position() -> None:
        try:
            while True:
                time.sleep(_TELL_S)
                send(running.position_s)
        except OSError:
            os._exit(1)  # whoever started us is gone, and nobody wants what we hear

    Thread(target=tell_position, daemon=True).start()
    with suppress(EOFError, OSError):
        models = _models(load, send)
        while models is not None:
            send(score_recording(pipe.recv(), models, manner, running))


def _models(load: LoadModels, send: Callable[[_Message], None]) -> Models | None:
    """Load the models, and tell whether it went well."""
    try:
        models = load()
    except StserError as error:
        send(_Loaded(str(error)))
    except Exception as error:  # noqa: BLE001  told by whoever started us
        send(_Loaded(f"{type(error).__name__}: {error}"))
    else:
        send(_Loaded())
        return models
    return None
