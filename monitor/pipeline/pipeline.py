"""The threads and the bounded queues between them.

    source ──► segmenter ──┬──► a transcriber for each channel ──┐ transcripts
                           └──► utterances in order ─────────────┴─► scorer ──► output

The segmenter's thread reads the source. What comes live and is not read in time waits in the source's own buffer.

One rule keeps it from ever hanging: a thread that ends, for whatever reason, closes what it puts into and cancels
what it gets from (`ClosableQueue`). So an end of the stream runs down the line, and all speech so far is finished
on the way; a failure also runs up the line, and stops what is before it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Event, Thread
from typing import TypeVar

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock, ChannelNow, SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from monitor.pipeline.scoring import Estimator, Scored, Scorer, Scoring
from monitor.pipeline.transcription import ChannelTranscriber
from monitor.queue import ClosableQueue
from monitor.roles import Role
from monitor.samples import loudness_dbfs
from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.settings import SegmenterSettings
from monitor.sources import SharedSource, Source
from monitor.sources.recording import mono
from monitor.timeline.notes import Note
from monitor.timeline.turn import STARTED_AT, Turn
from monitor.transcribers import Transcriber
from stser_core.errors import PipelineError, StserError, UsageError

T = TypeVar("T")

_CLOCK_SET_S = 1.5
"""By so much the time of day has to jump to be followed."""
_LOOK_S = 0.1
_ABORT_S = 0.5


class Pipeline:
    """Runs a source through segmenter, transcriber and scorer into the outputs, once.

    What a display may read at any time, from any thread, is written by one thread only, as a whole.
    """

    def __init__(
        self,
        source: Source | SharedSource,
        *,
        roles: Sequence[Role],
        transcriber: Transcriber,
        scorer: Scorer,
        outputs: Sequence[Callable[[Turn], None]],
        speaker_of: Callable[[Utterance], str] | None = None,
        transcripts: bool = True,
        dated: bool = False,
        turns_before: int = 0,
        note_outputs: Sequence[Callable[[Note], None]] = (),
        segmentation: SegmenterSettings | None = None,
        capacity: int = 64,
        follow: Callable[[], bool] | None = None,
        estimate: Estimator | None = None,
        timings: Callable[..., None] | None = None,
    ) -> None:
        """Set everything up; nothing runs yet.

        Args:
            source: Where the sound comes from.
            roles: One for each of the source's channels, or one for all of them, which are then mixed.
            transcriber: Shared by all channels.
            scorer: Called by one thread.
            outputs: Each is called with every turn, in the order of their ends, by one thread.
            speaker_of: Who speaks in an utterance, where several speakers share a channel.
            transcripts: Whether outputs and `channels` get words.
            dated: Whether turns get the time of day at which they started, since the sound is live.
            turns_before: The number of the turn before the first.
            note_outputs: Each is called with every note, by the same thread.
            segmentation: How the speech is cut into utterances; `None` for the defaults.
            capacity: How many items each queue holds.
            follow: Whether somebody reads `channels`, which then also tells words and estimates while an utterance is
                being spoken; `None` where nobody ever does.
            estimate: Makes the estimates, and may leave one out; `None` for `scorer.score`.
            timings: Told when each turn ended, was taken, transcribed and written.

        Raises:
            UsageError: The roles do not fit the source's channels.
        """
        if len(roles) not in (1, source.channels):
            raise UsageError(f"{source.name} has {source.channels} channels, but {len(roles)} were described.")
        channels = len(roles)
        self._source = source
        self._outputs = list(outputs)
        self._transcripts = transcripts
        self._dated = dated
        self._turns_before = turns_before
        self._note_outputs = list(note_outputs)
        self._segmenter = Segmenter(channels, segmentation)
        self._scoring = Scoring(source.name, roles, scorer, speaker_of, estimate, capacity)
        self._transcribers = [
            ChannelTranscriber(channel + 1, transcriber, capacity, self._scoring.offer, follow)
            for channel in range(channels)
        ]
        self._finished: ClosableQueue[Scored | Note] = ClosableQueue(capacity)
        self._timings = timings
        self._position = 0
        self._origin_s: float | None = None
        self._clocks_apart_s = 0.0
        self.behind_s = 0.0  # for how long the sound that was read last had waited
        self._dropped = 0
        self._pauses = [(0.0, False)]
        self._last = np.zeros((channels, 0), dtype=np.float32)
        self._since: list[float | None] = [None] * channels
        self._failures: list[StserError] = []
        self._aborted = Event()

    @property
    def position_s(self) -> float:
        """Seconds of the source that have been read."""
        return self._position / SAMPLE_RATE

    def clock(self, time_s: float) -> str:
        """The time of day, ISO 8601, so many seconds after the first sound of a live stream arrived."""
        moment = datetime.fromtimestamp((self._origin_s or time.time()) + time_s)
        return moment.astimezone().isoformat(timespec="milliseconds")

    @property
    def dropped_ms(self) -> int:
        """Milliseconds of live sound that were lost so far."""
        return round(1000 * self._dropped / SAMPLE_RATE)

    @property
    def turns_waiting(self) -> int:
        """Number of utterances that wait to be scored."""
        return len(self._scoring.waiting)

    @property
    def channels(self) -> tuple[ChannelNow, ...]:
        """The present state of each channel."""
        return tuple(map(self._channel_now, range(len(self._since))))

    @property
    def paused(self) -> bool:
        """Whether the sound is replaced by silence."""
        return self._pauses[-1][1]

    def pause(self, paused: bool) -> None:
        """Replace the sound that arrives from now on by silence, or no longer; time goes on."""
        self._pauses.append((time.monotonic(), paused))

    def note(self, note: Note) -> bool:
        """Put a note among the turns, where the note outputs get it; false when the run is over. From any thread."""
        return self._finished.put(note)

    def run(self) -> None:
        """Run until the source has ended or was stopped and all speech so far has been written.

        Signals are the caller's: a handler calls `stop`, and a second time `abort`.

        Raises:
            StserError: What made the first failing thread fail; `PipelineError` where nobody foresaw it. What was
                finished before has been written.
        """
        threads = [
            self._thread("segmenter", self._segment, self._leave_segmenter),
            *(self._thread("transcriber", one.run, one.cancel) for one in self._transcribers),
            self._thread("scorer", lambda: self._scoring.run(self._finished.put), self._leave_scorer),
            self._thread("output", self._write, self._finished.cancel),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            # Short waits, since on some systems no signal is seen during a long one.
            while thread.is_alive() and not self._aborted.is_set():
                thread.join(_LOOK_S)
        # After an abort, a moment for those still at work, so that no output is left in the middle of a turn.
        deadline = time.monotonic() + _ABORT_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failures:
            raise self._failures[0]

    def stop(self) -> None:
        """End the source, and with it the run, once all speech so far has been written. From any thread."""
        self._source.stop()

    def abort(self) -> None:
        """End the run at once; what is not written yet is lost. From any thread."""
        self._aborted.set()
        for transcriber in self._transcribers:
            transcriber.cancel()
        self._scoring.waiting.cancel()
        self._finished.cancel()
        self._source.stop()

    def _thread(self, name: str, work: Callable[[], None], leave: Callable[[], object]) -> Thread:
        """A thread, its name in messages, what it does, and what it does last, however that ended."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
                self._fail(name, error)
            finally:
                leave()

        return Thread(target=run, name=name, daemon=True)

    def _fail(self, name: str, error: BaseException) -> None:
        """Note what went wrong in a part, and stop the source."""
        if not isinstance(error, StserError):
            cause = error
            error = PipelineError(
                f"The {name} failed unexpectedly ({type(cause).__name__}: {cause}); --debug shows where."
            )
            error.__cause__ = cause
        self._failures.append(error)
        self._source.stop()

    def _blocks(self, source: Source) -> Iterator[AudioBlock]:
        """The source's blocks as they come. A failure of the source ends them: what came before is still finished."""
        try:
            blocks = source.blocks()
            yield from blocks if len(self._since) == source.channels else mono(blocks)
        except Exception as error:  # noqa: BLE001  carried to the main thread, which raises it
            self._fail("source", error)

    def _set_origin(self, block: AudioBlock) -> None:
        """Note the time of day of the stream's start, and again where the system slept or its clock was set."""
        apart_s = time.time() - time.monotonic()
        if self._origin_s is None:
            self._origin_s, self._clocks_apart_s = block.arrived_at + apart_s - block.end / SAMPLE_RATE, apart_s
        elif abs(apart_s - self._clocks_apart_s) > _CLOCK_SET_S:
            self._origin_s += apart_s - self._clocks_apart_s
            self._clocks_apart_s = apart_s

    def _segment(self) -> None:
        """Segmenter thread."""
        if isinstance(self._source, SharedSource):
            try:
                self._source.feed(self._take, self._has_room)
            except Exception as error:  # noqa: BLE001  as in `_blocks`
                self._fail("source", error)
        elif not all(map(self._take, self._blocks(self._source))):
            return
        all(map(self._pass_on, self._segmenter.flush()))

    def _take(self, block: AudioBlock) -> bool:
        """Segment a block as it comes; false when those after it are gone."""
        while len(self._pauses) > 1 and self._pauses[1][0] <= block.arrived_at:
            del self._pauses[0]
        silent = self._pauses[0][1]
        usable = replace(block, samples=np.zeros_like(block.samples)) if silent else block
        self.behind_s = time.monotonic() - block.arrived_at
        self._dropped += block.start - self._position
        self._last = usable.samples
        self._position = block.end
        self._set_origin(block)
        return all(map(self._pass_on, self._segmenter.feed(usable)))

    def _has_room(self) -> bool:
        """Whether a block can be taken without waiting for those after it."""
        return self._scoring.waiting.has_room and all(one.events.has_room for one in self._transcribers)

    def _pass_on(self, event: SpeechEvent) -> bool:
        """Pass on an event; false when those after it are gone."""
        match event:
            case SpeechStarted(channel, start_s):
                self._since[channel - 1] = start_s
            case SpeechEnded(utterance):
                self._since[utterance.channel - 1] = None
                utterance = replace(utterance, ended_at=time.monotonic())
                told = self._transcribers[utterance.channel - 1].put(SpeechEnded(utterance))
                return told and self._scoring.waiting.put(utterance)
        return self._transcribers[event.channel - 1].put(event)

    def _leave_segmenter(self) -> None:
        for transcriber in self._transcribers:
            # With the scorer gone, nobody wants the transcripts any more.
            if self._scoring.waiting.closed:
                transcriber.cancel()
            transcriber.events.close()
        self._scoring.waiting.close()

    def _leave_scorer(self) -> None:
        self._scoring.waiting.cancel()
        self._finished.close()

    def _write(self) -> None:
        """Output thread."""
        while (item := self._finished.get()) is not None:
            if not isinstance(item, Scored):
                self._deliver(item, self._note_outputs)
                continue
            turn = item.turn if self._transcripts else item.turn.without_words()
            extra = {**turn.extra, STARTED_AT: self.clock(turn.start_s)} if self._dated else turn.extra
            self._deliver(replace(turn, turn=self._turns_before + turn.turn, extra=extra), self._outputs)
            if self._timings is not None:
                self._timings(*item.times, time.monotonic())

    def _deliver(self, item: T, outputs: list[Callable[[T], None]]) -> None:
        """Hand an item to its outputs. One that fails ends the run, but the others still get what is finished."""
        for output in tuple(outputs):
            try:
                output(item)
            except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
                outputs.remove(output)
                self._fail("output", error)

    def _channel_now(self, place: int) -> ChannelNow:
        since_s, level_dbfs = self._since[place], loudness_dbfs(self._last[place])
        if since_s is None:
            return ChannelNow(level_dbfs)
        transcribed_s, words = self._transcribers[place].words
        estimated_s, scores = self._scoring.estimates[place]
        return ChannelNow(
            level_dbfs=level_dbfs,
            since_s=since_s,
            words=words if transcribed_s == since_s and self._transcripts else "",
            scores=scores if estimated_s == since_s else None,
        )
