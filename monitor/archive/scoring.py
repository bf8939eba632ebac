"""From a recording to its timeline: the work itself, whoever does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeAlias

from monitor.archive.outcome import Failed, Finished, Outcome, Scored
from monitor.pipeline.opening import Opened, open_recording
from monitor.pipeline.pipeline import Pipeline
from monitor.speakers.diarization import diarize, require_one_channel
from monitor.timeline.turn import Turn
from stser_core.errors import StserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.archive.recordings import Found
    from monitor.flow import Utterance
    from monitor.pipeline.scoring import Scorer
    from monitor.speakers.embeddings import EmbeddingExtractor, SpeakerEmbedding
    from monitor.transcribers import Transcriber


@dataclass(frozen=True)
class Models:
    """What hears and scores: one copy, however many recordings are heard at once.

    Attributes:
        scorer: Finds the emotions.
        transcriber: Finds the words.
        hearer: Tells voices apart; there where `Manner.speakers` asks for it.
    """

    scorer: Scorer
    transcriber: Transcriber
    hearer: EmbeddingExtractor | None = None


LoadModels: TypeAlias = Callable[[], Models]


@dataclass(frozen=True)
class Manner:
    """How a recording becomes a timeline; the command's help says what each means."""

    channels: str | None = None
    score_agents: bool = False
    transcripts: bool = True
    explain: bool = False
    speakers: int | None = None


class Halted(Exception):  # noqa: N818
    """The recording was given up, since the archive is to stop."""


class Hearing(Protocol):
    """Whatever hears a recording: a pipeline here, or one in another process."""

    @property
    def position_s(self) -> float:
        """How many seconds of it have been read."""

    def abort(self) -> None:
        """Give it up. From any thread."""


class Running:
    """The recordings that are being heard at this moment, so that all can be given up at once. From any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hearings: set[Hearing] = set()
        self.halted = False

    def halt(self) -> None:
        """Give up what is being heard, and let nothing more begin."""
        with self._lock:
            self.halted = True
            hearings = list(self._hearings)
        for hearing in hearings:
            hearing.abort()

    @property
    def position_s(self) -> float:
        """How many seconds of those recordings have been read."""
        with self._lock:
            return sum(hearing.position_s for hearing in self._hearings)

    @contextmanager
    def hearing(self, hearing: Hearing) -> Iterator[None]:
        """Count a recording among them while it is being heard.

        Raises:
            Halted: The archive is to stop; raised at the start, or at the end where it was given up meanwhile.
        """
        with self._lock:
            if self.halted:
                raise Halted
            self._hearings.add(hearing)
        try:
            yield
        finally:
            with self._lock:
                self._hearings.discard(hearing)
                halted = self.halted
            if halted:
                raise Halted


@dataclass(frozen=True)
class _Interruptible:
    """Hears voices until the archive is to stop."""

    hearer: EmbeddingExtractor
    running: Running

    def embed(self, samples: NDArray[np.float32]) -> SpeakerEmbedding | None:
        if self.running.halted:
            raise Halted
        return self.hearer.embed(samples)


def score_recording(found: Found, models: Models, manner: Manner, running: Running | None = None) -> Outcome:
    """Hear a recording and make its timeline: the same rows as those of `stser-monitor replay --csv`.

    Args:
        found: Which.
        models: Shared by all who call this, from any thread.
        manner: How.
        running: Where it is counted while it is being heard.

    Returns:
        Its timeline, or why there is none. Nothing about one recording stops the others.

    Raises:
        Halted: It was given up.
    """
    try:
        return _scored(found, models, manner, running or Running())
    except StserError as error:
        return Failed(found.name, str(error))
    except Halted:
        raise
    except Exception as error:  # noqa: BLE001  the fault of one recording, told in failures.csv
        return Failed(found.name, f"An unforeseen fault ({type(error).__name__}: {error}); see it with replay --debug.")


def _scored(found: Found, models: Models, manner: Manner, running: Running) -> Outcome:
    before = _state(found)
    opened = open_recording(found.path, manner.channels, score_agents=manner.score_agents, name=found.name)
    turns: list[Turn] = []
    speaker_of = _speaker_of(found, opened, models, manner, running)
    pipeline = Pipeline(
        opened.recording,
        roles=opened.roles,
        transcriber=models.transcriber,
        scorer=models.scorer,
        outputs=[lambda turn: turns.append(turn if manner.transcripts else turn.without_words())],
        speaker_of=speaker_of,
    )
    with running.hearing(pipeline):
        pipeline.run()
    if _state(found) != before:
        return Failed(found.name, "It changed while it was read; run the archive again when it is complete.")
    return Scored(_finished(found, before, opened, pipeline.position_s), tuple(turns), opened.notice)


def _speaker_of(
    found: Found, opened: Opened, models: Models, manner: Manner, running: Running
) -> Callable[[Utterance], str] | None:
    """Who speaks in an utterance, where voices are to be told apart."""
    if manner.speakers is None or models.hearer is None:
        return None
    require_one_channel(found.name, opened.recording.channels)
    again = open_recording(found.path, manner.channels, score_agents=manner.score_agents, name=found.name)
    return diarize(again.recording, manner.speakers, _Interruptible(models.hearer, running)).speaker_of


def _finished(found: Found, state: tuple[int, int], opened: Opened, heard_s: float) -> Finished:
    size, modified_ns = state
    return Finished(found.name, size, modified_ns, opened.recording.duration_s or heard_s, heard_s)


def _state(found: Found) -> tuple[int, int]:
    """Size and time of the file; zeros where it is gone, which opening it then tells better."""
    try:
        file = os.stat(found.path)  # noqa: PTH116  the path may hold bytes that are no UTF-8
    except OSError:
        return 0, 0
    return file.st_size, file.st_mtime_ns
