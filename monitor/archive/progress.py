"""How far an archive is: figures that any thread may read while one writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Figures:
    """A moment of an archive's run.

    Attributes:
        recordings: How many were found.
        size: Their bytes.
        before: How many of them were done before this run.
        done: How many this run has done.
        failed: How many it could not do.
        gone_size: Bytes of those that are no longer to be done.
        heard_s: Seconds of sound that this run has finished.
    """

    recordings: int
    size: int
    before: int = 0
    done: int = 0
    failed: int = 0
    gone_size: int = 0
    heard_s: float = 0.0


class ArchiveProgress:
    """Counts, and tells rate and time left."""

    def __init__(
        self,
        figures: Figures,
        sizes: Mapping[str, int],
        position_s: Callable[[], float] = lambda: 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            figures: What is known at the start.
            sizes: Bytes of each recording that is to be done.
            position_s: Seconds of the recordings that are being heard, and so not yet counted.
            now: The clock.
        """
        self.figures = figures
        self._sizes = sizes
        self._position_s = position_s
        self._now = now
        self._started = now()
        self._start_size = figures.gone_size

    def finished(self, recording: str, heard_s: float) -> None:
        """A recording is done."""
        self._gone(recording, done=self.figures.done + 1, heard_s=self.figures.heard_s + heard_s)

    def failed(self, recording: str) -> None:
        """A recording could not be done."""
        self._gone(recording, failed=self.figures.failed + 1)

    def _gone(self, recording: str, **changes: Any) -> None:  # noqa: ANN401
        gone_size = self.figures.gone_size + self._sizes[recording]
        self.figures = replace(self.figures, gone_size=gone_size, **changes)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._now() - self._started

    @property
    def hours_an_hour(self) -> float:
        """Hours of sound heard in an hour; 0 at the start."""
        elapsed = self.elapsed_s
        return (self.figures.heard_s + self._position_s()) / elapsed if elapsed > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds to go, by the bytes that are left; `None` before the first recording is through."""
        gone = self.figures.gone_size - self._start_size
        if gone <= 0:
            return None
        return self.elapsed_s * (self.figures.size - self.figures.gone_size) / gone

    def line(self) -> str:
        """All of it on one line."""
        figures = self.figures
        parts = [f"{figures.before + figures.done + figures.failed} of {figures.recordings} recordings"]
        if figures.failed:
            parts.append(f"{figures.failed} unreadable")
        parts.append(f"{figures.heard_s / _HOUR_S:.2f} h heard")
        parts.append(f"{self.hours_an_hour:.0f} h an hour")
        left_s = self.left_s
        if left_s is not None:
            parts.append(f"{duration(left_s)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a person says them: `45 s`, `3 min`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
