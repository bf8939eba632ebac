"""The threads of a pipeline: started together, waited for together, their failures carried to the main thread."""

import time
from collections.abc import Callable
from threading import Event, Thread

from stser_core.errors import PipelineError, StserError

_LOOK_S = 0.1
_ABORT_S = 0.5


class Threads:
    """Runs the stages of a pipeline, each in a thread of its own, until all have ended."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._threads: list[Thread] = []
        self._failures: list[StserError] = []
        self._abandoned = Event()

    def add(self, name: str, work: Callable[[], None], leave: Callable[[], object]) -> None:
        """Add a stage: its name in messages, what its thread does, and what it does last, however that ended."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
                self.fail(name, error)
            finally:
                leave()

        self._threads.append(Thread(target=run, name=name, daemon=True))

    def fail(self, name: str, error: BaseException) -> None:
        """Note what went wrong in a stage."""
        if isinstance(error, StserError):
            self._failures.append(error)
        else:
            failure = PipelineError(
                f"The {name} failed unexpectedly ({type(error).__name__}: {error}); --debug shows where."
            )
            failure.__cause__ = error
            self._failures.append(failure)
        self._on_failure()

    def run(self) -> None:
        """Wait until all stages have ended, or `abandon` is called.

        Raises:
            StserError: The first failure; `PipelineError` where it was unforeseen.
        """
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            # Short waits, since on some systems no signal is seen during a long one.
            while thread.is_alive() and not self._abandoned.is_set():
                thread.join(_LOOK_S)
        # After an abort, a moment for those still at work, so that no output is left in the middle of a turn.
        deadline = time.monotonic() + _ABORT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failures:
            raise self._failures[0]

    def abandon(self) -> None:
        """Wait no longer."""
        self._abandoned.set()
