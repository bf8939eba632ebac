"""The threads and the bounded queues between them.

    source ──► segmenter ──┬──► a listener for each channel ──┐ transcripts
                           └──► utterances in order ──────────┴─► scorer ──► outputs

One rule keeps it from ever hanging: a thread that ends, for whatever reason, closes what it puts into and
cancels what it takes from (`Conveyor`). So an end of the stream runs down the line, and everything that was
heard is finished on the way; a failure also runs up the line, and stops what is before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monitor.conveyor import Conveyor
from monitor.flow import SAMPLE_RATE, AudioBlock, Turn, Utterance
from monitor.listening import ChannelListener, Outcome
from monitor.segmenter import Segmenter, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted
from monitor.stages import Stages
from monitor.turns import Heard, Lane, Scorer, TurnMaker
from stser_core.errors import StserError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.endpointing import Endpointing
    from monitor.sources import Source
    from monitor.transcribers import Transcriber

__all__ = ["Lane", "Pipeline", "Scorer"]

_LARGEST_BATCH = 16


class _Waiting(NamedTuple):
    """An utterance whose transcript is on its way."""

    utterance: Utterance
    outcome: Outcome


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
        endpointing: Endpointing | None = None,
        capacity: int = 64,
    ) -> None:
        """Set everything up; nothing runs yet.

        Args:
            source: Where the sound comes from.
            lanes: One for each of the source's channels.
            transcriber: Shared by all channels.
            scorer: Called by one thread.
            outputs: Each is called with every turn, in order, by one thread. The turns come in the order of
                their end times, numbered from 1.
            endpointing: How the speech is cut into utterances; `None` for the defaults.
            capacity: How many items each queue holds.

        Raises:
            UsageError: The lanes do not fit the source's channels.
        """
        if len(lanes) != source.channels:
            raise UsageError(f"{source.name} has {source.channels} channels, but {len(lanes)} were described.")
        self._source = source
        self._outputs = list(outputs)
        self._segmenter = Segmenter(source.channels, endpointing)
        self._turn_maker = TurnMaker(source.name, lanes, scorer)
        self._listeners = [ChannelListener(transcriber, capacity) for _ in lanes]
        self._blocks: Conveyor[AudioBlock] = Conveyor(capacity)
        self._waiting: Conveyor[_Waiting] = Conveyor(capacity)
        self._turns: Conveyor[Turn] = Conveyor(capacity)
        self._position = 0
        self._dropped = 0
        self._speaking = (False,) * source.channels
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
    def speaking(self) -> tuple[bool, ...]:
        """For each channel, whether speech goes on."""
        return self._speaking

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
        for conveyor in (self._blocks, self._waiting, self._turns):
            conveyor.cancel()
        self._source.stop()

    def _all_stages(self) -> Stages:
        stages = Stages(on_failure=self._source.stop)
        stages.add("source", self._read, self._blocks.close)
        stages.add("segmenter", self._segment, self._leave_segmenter)
        for number, listener in enumerate(self._listeners, start=1):
            stages.add(f"transcriber of channel {number}", listener.listen, listener.leave)
        stages.add("scorer", self._score, self._leave_scorer)
        stages.add("output", self._write, self._turns.cancel)
        return stages

    def _read(self) -> None:
        """Source thread."""
        for block in self._source.blocks():
            self._dropped += block.dropped
            lost: AudioBlock | None = None
            if self._source.live:
                accepted, lost = self._blocks.put_dropping(block)
            else:
                accepted = self._blocks.put(block)
            if lost is not None:
                self._dropped += lost.samples.shape[1]
            if not accepted:
                return
            self._position = block.end

    def _segment(self) -> None:
        """Segmenter thread."""
        while (block := self._blocks.take()) is not None:
            if not all(map(self._handle, self._segmenter.feed(block))):
                return
        all(map(self._handle, self._segmenter.flush()))

    def _handle(self, event: SpeechEvent) -> bool:
        """Pass an event on; false when those after it are gone."""
        listener = self._listeners[event.channel - 1]
        match event:
            case SpeechStarted(channel, start_s):
                self._note_speaking(channel, True)
                return listener.begin(start_s)
            case SpeechAudio(_, samples):
                return listener.hear(samples)
            case SpeechEnded(utterance):
                self._note_speaking(utterance.channel, False)
                outcome = listener.finish()
                return outcome is not None and self._waiting.put(_Waiting(utterance, outcome))

    def _note_speaking(self, channel: int, speaking: bool) -> None:
        before = self._speaking
        self._speaking = (*before[: channel - 1], speaking, *before[channel:])

    def _leave_segmenter(self) -> None:
        self._blocks.cancel()
        for listener in self._listeners:
            # With the scorer gone, nobody wants the transcripts any more.
            if self._waiting.cancelled:
                listener.leave()
            listener.close()
        self._waiting.close()

    def _score(self) -> None:
        """Scorer thread."""
        while (first := self._waiting.take()) is not None:
            batch = [heard for heard in map(_heard, self._batch(first)) if heard is not None]
            for turn in self._turn_maker.make(batch):
                if not self._turns.put(turn):
                    return

    def _batch(self, first: _Waiting) -> list[_Waiting]:
        """The next utterance, and those after it whose transcripts are already there."""
        batch = [first]
        first.outcome.exception()  # waits
        while len(batch) < _LARGEST_BATCH:
            further = self._waiting.take_if(lambda waiting: waiting.outcome.done())
            if further is None:
                break
            batch.append(further)
        return batch

    def _leave_scorer(self) -> None:
        self._waiting.cancel()
        self._turns.close()

    def _write(self) -> None:
        """Output thread."""
        while (turn := self._turns.take()) is not None:
            for output in tuple(self._outputs):
                self._deliver(turn, output)

    def _deliver(self, turn: Turn, output: Callable[[Turn], None]) -> None:
        """Hand a turn to an output. One that fails ends the run, but the others still get what is finished."""
        try:
            output(turn)
        except BaseException as error:  # noqa: BLE001  carried to the main thread, which raises it
            self._outputs.remove(output)
            self._stages.fail("output", error)


def _heard(waiting: _Waiting) -> Heard | None:
    """The utterance with its transcript, or `None` where its listener has failed."""
    if waiting.outcome.exception() is not None:
        return None
    return waiting.utterance, waiting.outcome.result()
