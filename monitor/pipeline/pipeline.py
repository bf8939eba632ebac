"""The threads and the bounded queues between them.

    source ──► segmenter ──┬──► a listener for each channel ──┐ transcripts
                           └──► utterances in order ──────────┴─► scorer ──► outputs

A live source has a thread of its own, since its sound does not wait; a recording is read by the segmenter's.

One rule keeps it from ever hanging: a thread that ends, for whatever reason, closes what it puts into and
cancels what it takes from (`Conveyor`). So an end of the stream runs down the line, and everything that was
heard is finished on the way; a failure also runs up the line, and stops what is before it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from monitor.conveyor import Conveyor
from monitor.flow import SAMPLE_RATE, AudioBlock, Turn, Utterance
from monitor.loudness import SILENCE_DBFS, loudness_dbfs
from monitor.pipeline.channel_now import ChannelNow
from monitor.pipeline.following import Following
from monitor.pipeline.listening import ChannelListener
from monitor.pipeline.scoring import Scored, Scoring, Waiting
from monitor.pipeline.stages import Stages
from monitor.pipeline.timings import Stamps, Timings
from monitor.pipeline.turns import Lane, Scorer, TurnMaker
from monitor.segmenter.endpointing import Endpointing
from monitor.segmenter.segmenter import Segmenter, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted
from monitor.timeline.notes import Note
from stser_core.errors import StserError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from monitor.sources import Source
    from monitor.transcribers import Transcriber

__all__ = ["Lane", "Pipeline", "Scorer"]

T = TypeVar("T")


class _Arrived(NamedTuple):
    """A block, and when it came, in seconds of `time.monotonic`."""

    block: AudioBlock
    at: float


class Pipeline:
    """Runs a source through segmenter, transcriber and scorer into the outputs, once.

    What a display may read at any time, from any thread, is written by one thread only, as a whole.
    """

    def __init__(
        self,
        source: Source,
        *,
        lanes: Sequence[Lane],
        transcriber: Transcriber,
        scorer: Scorer,
        outputs: Sequence[Callable[[Turn], None]],
        names: Mapping[float, str] | None = None,
        note_outputs: Sequence[Callable[[Note], None]] = (),
        endpointing: Endpointing | None = None,
        capacity: int = 64,
        follow: bool = False,
        timings: Timings | None = None,
    ) -> None:
        """Set everything up; nothing runs yet.

        Args:
            source: Where the sound comes from.
            lanes: One for each of the source's channels.
            transcriber: Shared by all channels.
            scorer: Called by one thread.
            outputs: Each is called with every turn, in order, by one thread. The turns come in the order of
                their end times, numbered from 1.
            names: Who speaks in the utterance that starts then, in seconds, where several voices share a channel.
            note_outputs: Each is called with every note, by the same thread.
            endpointing: How the speech is cut into utterances; `None` for the defaults.
            capacity: How many items each queue holds.
            follow: Whether `channels` also tells words and estimates while an utterance is being spoken.
            timings: Collects how long each turn took.

        Raises:
            UsageError: The lanes do not fit the source's channels.
        """
        if len(lanes) != source.channels:
            raise UsageError(f"{source.name} has {source.channels} channels, but {len(lanes)} were described.")
        self._source = source
        self._outputs = list(outputs)
        self._note_outputs = list(note_outputs)
        self._endpointing = endpointing or Endpointing()
        self._segmenter = Segmenter(source.channels, self._endpointing)
        self._scoring = Scoring(TurnMaker(source.name, lanes, scorer, names), source.channels, capacity)
        self._following = [Following(channel + 1, self._scoring.offer) for channel in range(source.channels)]
        self._listeners = [
            ChannelListener(transcriber, capacity, following if follow else None) for following in self._following
        ]
        self._blocks: Conveyor[_Arrived] = Conveyor(capacity)
        self._finished: Conveyor[Scored | Note] = Conveyor(capacity)
        self._timings = timings
        self._position = 0
        self._segmented = 0
        self._dropped = 0
        self._paused = False
        self._levels = (SILENCE_DBFS,) * source.channels
        self._since: tuple[float | None, ...] = (None,) * source.channels
        self._stages = self._all_stages()

    @property
    def position_s(self) -> float:
        """How far the source has been read, in seconds."""
        return self._position / SAMPLE_RATE

    @property
    def dropped_ms(self) -> int:
        """Milliseconds of live sound that were lost so far."""
        return round(1000 * self._dropped / SAMPLE_RATE)

    @property
    def behind_s(self) -> float:
        """Seconds of sound that have been read but not yet looked at."""
        return max(0, self._position - self._segmented) / SAMPLE_RATE

    @property
    def turns_waiting(self) -> int:
        """How many utterances wait to be scored."""
        return len(self._scoring)

    @property
    def speaking(self) -> tuple[bool, ...]:
        """For each channel, whether speech goes on."""
        return tuple(since_s is not None for since_s in self._since)

    @property
    def channels(self) -> tuple[ChannelNow, ...]:
        """What is going on in each channel at this moment."""
        return tuple(map(self._channel_now, range(len(self._since))))

    @property
    def paused(self) -> bool:
        """Whether the sound is heard as silence."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """From now on hear the sound as silence, or no longer; time goes on. To be called by one thread."""
        self._paused = paused

    def note(self, note: Note) -> bool:
        """Put a note among the turns, where the note outputs get it; false when the run is over. From any thread."""
        return self._finished.put(note)

    def run(self) -> None:
        """Run until the source has ended or was stopped and everything heard has been written.

        Signals are the caller's: a handler calls `stop`, and a second time `abort`. An exception that a handler
        raises in here, such as `KeyboardInterrupt`, aborts and is passed on.

        Raises:
            StserError: What made the first failing thread fail; what was finished before has been written. A
                `PipelineError` where it was nothing that anyone foresaw.
        """
        try:
            self._stages.run()
        except StserError:
            raise
        except BaseException:
            self.abort()
            self._stages.linger()
            raise

    def stop(self) -> None:
        """End the source, and with it the run, once what was heard has been written. From any thread."""
        self._source.stop()

    def abort(self) -> None:
        """End the run at once; what is not written yet is lost. From any thread."""
        self._stages.abandon()
        for listener in self._listeners:
            listener.leave()
        self._blocks.cancel()
        self._scoring.leave()
        self._finished.cancel()
        self._source.stop()

    def _all_stages(self) -> Stages:
        stages = Stages(on_failure=self._source.stop)
        if self._source.live:
            stages.add("source", self._read, self._blocks.close)
            arriving = iter(self._blocks.take, None)
        else:
            arriving = self._arriving()  # a recording waits: a thread of its own would only take turns with this one
        stages.add("segmenter", lambda: self._segment(arriving), self._leave_segmenter)
        for number, listener in enumerate(self._listeners, start=1):
            stages.add(f"transcriber of channel {number}", listener.listen, listener.leave)
        stages.add("scorer", lambda: self._scoring.work(self._finished.put), self._leave_scorer)
        stages.add("output", self._write, self._finished.cancel)
        return stages

    def _arriving(self) -> Iterator[_Arrived]:
        """The source's blocks as they come. A failure of the source ends them: what was heard is still finished."""
        try:
            for block in self._source.blocks():
                if self._blocks.cancelled:
                    return
                heard = _silent(block) if self._paused else block
                self._dropped += block.dropped
                self._levels = tuple(map(loudness_dbfs, heard.samples))
                self._position = block.end
                yield _Arrived(heard, time.monotonic())
        except Exception as error:  # noqa: BLE001  carried to the main thread, which raises it
            self._stages.fail("source", error)

    def _read(self) -> None:
        """Source thread, of live sources."""
        for arrived in self._arriving():
            accepted, lost = self._blocks.put_dropping(arrived)
            if lost is not None:
                self._dropped += lost.block.samples.shape[1]
            if not accepted:
                return

    def _segment(self, arriving: Iterator[_Arrived]) -> None:
        """Segmenter thread."""
        for arrived in arriving:
            events = self._segmenter.feed(arrived.block)
            if not all(self._handle(event, arrived) for event in events):
                return
            self._segmented = arrived.block.end
        all(self._handle(event, None) for event in self._segmenter.flush())

    def _handle(self, event: SpeechEvent, arrived: _Arrived | None) -> bool:
        """Pass an event on that came with a block, or with the end; false when those after it are gone."""
        listener = self._listeners[event.channel - 1]
        match event:
            case SpeechStarted(channel, start_s):
                self._since = _replaced(self._since, channel - 1, start_s)
                return listener.begin(start_s)
            case SpeechAudio(_, samples):
                return listener.hear(samples)
            case SpeechEnded(utterance):
                self._since = _replaced(self._since, utterance.channel - 1, None)
                outcome = listener.finish()
                sounded = None if arrived is None else self._sounded(utterance, arrived)
                return outcome is not None and self._scoring.submit(
                    Waiting(utterance, outcome, sounded, time.monotonic())
                )

    def _sounded(self, utterance: Utterance, arrived: _Arrived) -> float | None:
        """When the utterance's last sound was captured; `None` where it may have been cut and not ended."""
        settings = self._endpointing
        if utterance.end_s - utterance.start_s >= settings.max_utterance_s - settings.cut_search_s:
            return None
        return arrived.at - (arrived.block.end / SAMPLE_RATE - (utterance.end_s - settings.post_roll_s))

    def _leave_segmenter(self) -> None:
        self._blocks.cancel()
        for listener in self._listeners:
            # With the scorer gone, nobody wants the transcripts any more.
            if self._scoring.cancelled:
                listener.leave()
            listener.close()
        self._scoring.close()

    def _leave_scorer(self) -> None:
        self._scoring.leave()
        self._finished.close()

    def _write(self) -> None:
        """Output thread."""
        while (item := self._finished.take()) is not None:
            if isinstance(item, Scored):
                self._deliver(item.turn, self._outputs)
                self._note_timing(item)
            else:
                self._deliver(item, self._note_outputs)

    def _deliver(self, item: T, outputs: list[Callable[[T], None]]) -> None:
        """Hand an item to its outputs. One that fails ends the run, but the others still get what is finished."""
        for output in tuple(outputs):
            try:
                output(item)
            except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
                outputs.remove(output)
                self._stages.fail("output", error)

    def _note_timing(self, done: Scored) -> None:
        if self._timings is not None and done.sounded is not None:
            self._timings.add(
                Stamps(done.sounded, done.ended, done.taken, done.transcribed, done.scored, time.monotonic())
            )

    def _channel_now(self, place: int) -> ChannelNow:
        since_s = self._since[place]
        if since_s is None:
            return ChannelNow(self._levels[place])
        heard_s, words = self._following[place].words
        estimate = self._scoring.estimates[place]
        return ChannelNow(
            level_dbfs=self._levels[place],
            since_s=since_s,
            words=words if heard_s == since_s else "",
            scores=estimate.scores if estimate is not None and estimate.start_s == since_s else None,
        )


def _silent(block: AudioBlock) -> AudioBlock:
    return AudioBlock(block.start, np.zeros_like(block.samples), block.dropped)


def _replaced(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
