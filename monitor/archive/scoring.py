"""Scores a recording of an archive."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from monitor.archive.recordings import Found
from monitor.options import AnalysisOptions
from monitor.pipeline.opening import Models, open_recording, recording_pipeline
from monitor.pipeline.pipeline import Pipeline
from monitor.speakers import Halted
from monitor.timeline.turn import Turn
from stser_core.errors import StserError


@dataclass(frozen=True)
class Finished:
    """The done marker of a recording, which the archive keeps beside its timeline."""

    recording: str  # its name in the archive
    size: int  # bytes of its file when it was read
    modified_ns: int  # when the file was last written, in nanoseconds since 1970
    duration_s: float  # length that the file announces, or that was decoded where it announces none
    heard_s: float  # how far it could be decoded
    path: str | None = None  # where its file was; older archives do not say it


@dataclass(frozen=True)
class Scored:
    """A recording that is done: its marker, its timeline, and what the user should be told."""

    finished: Finished
    turns: tuple[Turn, ...]
    notice: str | None = None

    @property
    def recording(self) -> str:
        """Its name in the archive."""
        return self.finished.recording


@dataclass(frozen=True)
class Failed:
    """A recording that failed, with the reason in a sentence."""

    recording: str
    reason: str


Outcome: TypeAlias = Scored | Failed


class Running:
    """The running pipelines, so that all can be stopped at once. From any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pipelines: set[Pipeline] = set()
        self.halted = False

    def halt(self) -> None:
        """Stop them, and let nothing more begin."""
        with self._lock:
            self.halted = True
            pipelines = list(self._pipelines)
        for pipeline in pipelines:
            pipeline.abort()

    @contextmanager
    def counted(self, pipeline: Pipeline) -> Iterator[None]:
        """Count a pipeline among them while it runs; raises `Halted` before or after where the archive is to stop."""
        with self._lock:
            if self.halted:
                raise Halted
            self._pipelines.add(pipeline)
        try:
            yield
        finally:
            with self._lock:
                self._pipelines.discard(pipeline)
                halted = self.halted
            if halted:
                raise Halted


@dataclass(frozen=True)
class RecordingScorer:
    """Makes the timeline of a recording: the same rows as those of `stser-monitor replay --csv`. From any thread."""

    models: Models
    options: AnalysisOptions = field(default_factory=AnalysisOptions)

    def __call__(self, found: Found, running: Running) -> Outcome:
        """Score a recording, or say why it failed, which stops no other; raises `Halted` if it was abandoned."""
        try:
            before = state_of(found)
            opened = open_recording(found.path, self.options, found.name)
            turns: list[Turn] = []
            pipeline = recording_pipeline(
                opened, self.models, self.options, [turns.append], halted=lambda: running.halted
            )
            with running.counted(pipeline):
                pipeline.run()
            if state_of(found) != before:
                return Failed(found.name, "It changed while it was read; run the archive again when it is complete.")
            heard_s = pipeline.position_s
            length_s = opened.recording.announced_s or heard_s
            finished = Finished(found.name, *before, length_s, heard_s, found.utf8_path)
            return Scored(finished, tuple(turns), " ".join(opened.recording.notices) or None)
        except StserError as error:
            return Failed(found.name, str(error))
        except Halted:
            raise
        except Exception as error:  # noqa: BLE001  the fault of one recording, told in failures.csv
            reason = f"An unforeseen fault ({type(error).__name__}: {error}); see it with replay --debug."
            return Failed(found.name, reason)


def state_of(found: Found) -> tuple[int, int]:
    """Size and time of a recording's file; zeros where it is gone, which opening it then tells better."""
    try:
        file = os.stat(found.path)  # noqa: PTH116  the path may hold bytes that are not UTF-8
    except OSError:
        return 0, 0
    return file.st_size, file.st_mtime_ns
