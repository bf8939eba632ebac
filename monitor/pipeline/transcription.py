"""The transcriber thread of one channel: it decodes each utterance while it is being spoken."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted
from monitor.queue import ClosableQueue
from monitor.transcribers import NoTranscriber, Transcriber, TranscriptionStream

_WORDS_EVERY = SAMPLE_RATE // 5
_ESTIMATE_EVERY = SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class PartialUtterance:
    """An utterance that goes on: all of its sound so far, float32 [n] at 16 kHz, and the words recognised so far."""

    channel: int
    start_s: float
    samples: NDArray[np.float32]
    words: str


class ChannelTranscriber:
    """Takes a channel's speech events from the segmenter thread and transcribes them in a thread of its own.

    So the channels are decoded in parallel, and the segmenter waits only when a channel is far behind. `put` belongs to
    the segmenter thread, which closes `events` after the last one; `run` and `cancel` to the transcriber's.

    Attributes:
        events: What `put` took; waiting utterances are transcribed after it was closed.
        words: The start of the last utterance in seconds, and its words so far. Written by the transcriber thread
            only, as a whole; any thread may read it.
    """

    def __init__(
        self,
        channel: int,
        transcriber: Transcriber,
        capacity: int,
        offer: Callable[[PartialUtterance], object],
        followed: Callable[[], bool] | None,
    ) -> None:
        """Prepare to transcribe a channel, counted from 1.

        At most `capacity` events wait. `offer` takes what there is of an utterance after every second of it, without
        waiting. `followed` tells whether anybody reads `words` and estimates now; it is `None` where nobody ever does.
        """
        self.words: tuple[float, str] = (0.0, "")
        self._channel = channel
        self._transcriber = transcriber
        self._offer = offer
        self._followed = followed
        self._transcribes = not isinstance(transcriber, NoTranscriber)
        self.events: ClosableQueue[SpeechEvent] = ClosableQueue(capacity)
        self._pieces: list[NDArray[np.float32]] = []
        self._length = self._words_at = self._estimate_at = 0

    def put(self, event: SpeechEvent) -> bool:
        """Hand over the channel's next event; false when the transcriber has gone."""
        if isinstance(event, SpeechAudio) and not (self._transcribes or (self._followed and self._followed())):
            return True
        return self.events.put(event)

    def run(self) -> None:
        """Work until the input ends."""
        stream: TranscriptionStream = NoTranscriber().listen(0.0)  # until the first utterance starts
        while (event := self.events.get()) is not None:
            match event:
                case SpeechStarted(_, start_s):
                    stream = self._transcriber.listen(start_s)
                    self.words = (start_s, "")
                    self._length, self._words_at, self._estimate_at = 0, _WORDS_EVERY, _ESTIMATE_EVERY
                case SpeechAudio(_, samples):
                    stream.feed(samples)
                    if self._followed is not None:
                        self._follow(samples, stream, followed=self._followed())
                case SpeechEnded(utterance):
                    self._pieces.clear()
                    try:
                        utterance.transcript.set_result(stream.finish())
                    finally:
                        utterance.transcript.cancel()  # where there is none, nobody may wait for it

    def cancel(self) -> None:
        """Take no more, and let nobody wait for a transcript that will not come."""
        for event in self.events.cancel():
            if isinstance(event, SpeechEnded):
                event.utterance.transcript.cancel()

    def _follow(self, samples: NDArray[np.float32], stream: TranscriptionStream, *, followed: bool) -> None:
        """Keep `words` up to date, and offer what there is to be estimated."""
        self._pieces.append(samples)
        self._length += samples.size
        if not followed:
            return
        start_s, words = self.words
        if self._length >= self._words_at:
            self._words_at = self._length + _WORDS_EVERY
            words = stream.partial()
            self.words = (start_s, words)
        if self._length >= self._estimate_at:
            self._estimate_at = self._length + _ESTIMATE_EVERY
            self._pieces = [np.concatenate(self._pieces)]
            self._offer(PartialUtterance(self._channel, start_s, self._pieces[0], words))
