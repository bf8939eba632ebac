"""Blocks in, utterances out, for all channels of a stream.

The result depends on the sound alone: not on the size of the blocks, nor on when they come. Utterances are
sent in the order of their end times over all channels, so that rows can be written as they come:

* a turn that is too long is never cut before an end that was sent already (`EndpointDetector.feed`);
* an utterance is held back while a pause on another channel may turn out to be an earlier end. This lasts for
  `pause_s` at most, and only a cut or a forced end is ever affected.
"""

from collections import deque
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechEnded, SpeechEvent
from monitor.segmenter.endpoint_detector import EndpointDetector
from monitor.segmenter.settings import FRAME, SegmenterSettings
from monitor.segmenter.voice_activity import MOST_FRAMES, EchoDetector, framed


class Segmenter:
    """Cuts every channel of a stream into utterances.

    Memory is bounded: a few frames during silence, `max_utterance_s` and little more during speech.
    """

    def __init__(self, channels: int, settings: SegmenterSettings | None = None) -> None:
        self._settings = settings or SegmenterSettings()
        self._detectors = [EndpointDetector(channel + 1, self._settings) for channel in range(channels)]
        self._echoes = EchoDetector(channels)
        self._held: list[deque[SpeechEvent]] = [deque() for _ in range(channels)]
        self._rest = np.empty((channels, 0), dtype=np.float32)
        self._position = 0
        self._last_end = 0
        self._gaps: deque[tuple[int, int]] = deque()

    def feed(self, block: AudioBlock) -> list[SpeechEvent]:
        """Take the next block, and give what has become certain with it, in the order in which it has to be handled.

        A gap in the clock counts as silence and is counted in the utterances that it touches; one longer than any pause
        ends what goes on.

        Raises:
            ValueError: The block starts before the last one's end.
        """
        if block.start < self._position:
            raise ValueError(f"A block starts at sample {block.start}, but {self._position} came already.")
        events = self._skip_to(block.start) if block.start > self._position else []
        self._position = block.end
        return events + self._take(block.samples)

    def flush(self) -> list[SpeechEvent]:
        """The stream has ended: what was still going on."""
        events = self._take_frames(self._rest) if self._rest.shape[1] else []
        self._rest = self._rest[:, :0]
        return events + self._end_all(resume_at=self._position)

    def _take(self, samples: NDArray[np.float32]) -> list[SpeechEvent]:
        waiting = np.concatenate([self._rest, samples], axis=1)
        whole = waiting.shape[1] // FRAME * FRAME
        self._rest = waiting[:, whole:].copy()
        size = MOST_FRAMES * FRAME
        pieces = [waiting[:, start : min(start + size, whole)] for start in range(0, whole, size)]
        return [event for piece in pieces for event in self._take_frames(piece)]

    def _take_frames(self, samples: NDArray[np.float32]) -> list[SpeechEvent]:
        framed_channels, low = framed(samples)
        self._echoes.add(low)
        for place, frames in enumerate(zip(*framed_channels, strict=True), start=1):
            frames_after = len(framed_channels[0]) - place
            for channel, (detector, frame) in enumerate(zip(self._detectors, frames, strict=True)):
                is_echo = partial(self._echoes.is_echo, channel, frames_after)
                self._note(channel, detector.feed(frame, self._last_end, is_echo))
        for channel, detector in enumerate(self._detectors):
            self._note(channel, detector.audio())
        return self._ready()

    def _skip_to(self, start: int) -> list[SpeechEvent]:
        """Take a gap for silence, or, where it is longer than any pause, resume behind it."""
        self._gaps.append((self._position, start))
        oldest = self._position - round(2 * self._settings.max_utterance_s * SAMPLE_RATE)
        while self._gaps[0][1] < oldest:
            self._gaps.popleft()
        gap = start - self._position
        longest = round((2 * self._settings.pause_s) * SAMPLE_RATE) + FRAME
        events = self._take(np.zeros((len(self._detectors), min(gap, longest)), dtype=np.float32))
        if gap > longest:
            self._rest = self._rest[:, :0]
            events += self._end_all(resume_at=start)
        return events

    def _end_all(self, resume_at: int) -> list[SpeechEvent]:
        for channel, detector in enumerate(self._detectors):
            self._note(channel, detector.flush(resume_at))
        return self._ready()

    def _note(self, channel: int, events: list[SpeechEvent]) -> None:
        for event in events:
            self._held[channel].append(event)
            if isinstance(event, SpeechEnded):
                self._last_end = max(self._last_end, round(event.utterance.end_s * SAMPLE_RATE))

    def _ready(self) -> list[SpeechEvent]:
        """All events that may be sent by now. Behind an end that is held back, its channel waits."""
        events: list[SpeechEvent] = []
        while True:
            for queue in self._held:
                while queue and not isinstance(queue[0], SpeechEnded):
                    events.append(queue.popleft())
            utterances = [queue[0].utterance for queue in self._held if queue and isinstance(queue[0], SpeechEnded)]
            if not utterances:
                return events
            first = min(utterances, key=lambda utterance: (utterance.end_s, utterance.channel))
            if self._may_be_preceded(first.end_s, first.channel):
                return events
            self._held[first.channel - 1].popleft()
            events.append(SpeechEnded(replace(first, dropped_ms=self._dropped_ms(first.start_s, first.end_s))))

    def _may_be_preceded(self, end_s: float, channel: int) -> bool:
        pending = [(detector.pending_end, number) for number, detector in enumerate(self._detectors, start=1)]
        return any(
            sample is not None and number != channel and (sample / SAMPLE_RATE, number) < (end_s, channel)
            for sample, number in pending
        )

    def _dropped_ms(self, start_s: float, end_s: float) -> int:
        start, end = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
        lost = sum(max(0, min(end, gap_end) - max(start, gap_start)) for gap_start, gap_end in self._gaps)
        return round(1000 * lost / SAMPLE_RATE)
