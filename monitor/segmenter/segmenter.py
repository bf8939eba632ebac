"""Blocks in, utterances out, for all channels of a stream.

The result depends on the sound alone: not on the size of the blocks, nor on when they come. Utterances are
told in the order of their end times over all channels, so that rows can be written as they come:

* a turn that is too long is never cut before an end that was told already (`EndpointDetector.feed`);
* an utterance is held back while a pause on another channel may turn out to be an earlier end. This lasts for
  `endpoint_silence_s` at most, and only a cut or a forced end is ever affected.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted
from monitor.segmenter.endpoint_detector import EndpointDetector
from monitor.segmenter.settings import FRAME, SegmenterSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Segmenter", "SpeechAudio", "SpeechEnded", "SpeechEvent", "SpeechStarted"]


class Segmenter:
    """Cuts every channel of a stream into utterances.

    Memory is bounded: a few frames during silence, `max_utterance_s` and little more during speech.
    """

    def __init__(self, channels: int, endpointing: SegmenterSettings | None = None) -> None:
        """Segment a stream of so many channels from sample 0 on."""
        self._settings = endpointing or SegmenterSettings()
        self._detectors = [EndpointDetector(channel + 1, self._settings) for channel in range(channels)]
        self._untold: list[deque[SpeechEvent]] = [deque() for _ in range(channels)]
        self._rest = np.empty((channels, 0), dtype=np.float32)
        self._heard = 0
        self._last_end = 0
        self._gaps: deque[tuple[int, int]] = deque()

    def feed(self, block: AudioBlock) -> list[SpeechEvent]:
        """Hear the next block.

        A gap in the clock is heard as silence and counted in the utterances that it touches; a gap longer than
        any pause ends what goes on.

        Args:
            block: Starts where the block before ended, or later.

        Returns:
            What has become certain with this block, in the order in which it has to be handled.

        Raises:
            ValueError: The block has another number of channels, or starts before the last one's end.
        """
        if block.samples.shape[0] != len(self._detectors):
            raise ValueError(f"A block has {block.samples.shape[0]} channels instead of {len(self._detectors)}.")
        if block.start < self._heard:
            raise ValueError(f"A block starts at sample {block.start}, but {self._heard} were heard already.")
        events: list[SpeechEvent] = []
        if block.start > self._heard:
            events += self._skip_to(block.start)
        self._heard = block.end
        return _merged(events + self._hear(block.samples))

    def flush(self) -> list[SpeechEvent]:
        """The stream has ended: what was still going on."""
        rest, self._rest = self._rest, self._rest[:, :0]
        events = self._hear_frame(rest) if rest.shape[1] else []
        return _merged(events + self._end_all(resume_at=self._heard))

    def _hear(self, samples: NDArray[np.float32]) -> list[SpeechEvent]:
        waiting = np.concatenate([self._rest, samples], axis=1)
        whole = waiting.shape[1] // FRAME * FRAME
        self._rest = waiting[:, whole:].copy()
        events: list[SpeechEvent] = []
        for start in range(0, whole, FRAME):
            events += self._hear_frame(waiting[:, start : start + FRAME])
        return events

    def _hear_frame(self, frame: NDArray[np.float32]) -> list[SpeechEvent]:
        for channel, detector in enumerate(self._detectors):
            # A copy, so that no utterance keeps whole blocks of all channels alive.
            self._note(channel, detector.feed(frame[channel].copy(), not_before=self._last_end))
        return self._told()

    def _skip_to(self, start: int) -> list[SpeechEvent]:
        """Hear a gap as silence, or, where it is longer than any pause, resume behind it."""
        self._note_gap(self._heard, start)
        gap = start - self._heard
        longest = round((2 * self._settings.endpoint_silence_s) * SAMPLE_RATE) + FRAME
        events = self._hear(np.zeros((len(self._detectors), min(gap, longest)), dtype=np.float32))
        if gap > longest:
            self._rest = self._rest[:, :0]
            events += self._end_all(resume_at=start)
        return events

    def _end_all(self, resume_at: int) -> list[SpeechEvent]:
        for channel, detector in enumerate(self._detectors):
            self._note(channel, detector.flush(resume_at))
        return self._told()

    def _note(self, channel: int, events: list[SpeechEvent]) -> None:
        for event in events:
            self._untold[channel].append(event)
            if isinstance(event, SpeechEnded):
                self._last_end = max(self._last_end, round(event.utterance.end_s * SAMPLE_RATE))

    def _told(self) -> list[SpeechEvent]:
        """All events that may be told by now. Behind an end that is held back, its channel waits."""
        events: list[SpeechEvent] = []
        while True:
            for queue in self._untold:
                while queue and not isinstance(queue[0], SpeechEnded):
                    events.append(queue.popleft())
            ended = [queue[0] for queue in self._untold if queue]
            utterances = [event.utterance for event in ended if isinstance(event, SpeechEnded)]
            if not utterances:
                return events
            first = min(utterances, key=lambda utterance: (utterance.end_s, utterance.channel))
            if self._may_be_preceded(first.end_s, first.channel):
                return events
            self._untold[first.channel - 1].popleft()
            events.append(SpeechEnded(replace(first, dropped_ms=self._dropped_ms(first.start_s, first.end_s))))

    def _may_be_preceded(self, end_s: float, channel: int) -> bool:
        for number, detector in enumerate(self._detectors, start=1):
            pending = detector.pending_end
            if pending is not None and number != channel and (pending / SAMPLE_RATE, number) < (end_s, channel):
                return True
        return False

    def _note_gap(self, start: int, end: int) -> None:
        self._gaps.append((start, end))
        oldest = start - round(2 * self._settings.max_utterance_s * SAMPLE_RATE)
        while self._gaps[0][1] < oldest:
            self._gaps.popleft()

    def _dropped_ms(self, start_s: float, end_s: float) -> int:
        start, end = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
        lost = sum(max(0, min(end, gap_end) - max(start, gap_start)) for gap_start, gap_end in self._gaps)
        return round(1000 * lost / SAMPLE_RATE)


def _merged(events: Iterable[SpeechEvent]) -> list[SpeechEvent]:
    """Join neighbouring pieces of one channel's sound, so that a block makes one event and not one a frame."""
    merged: list[SpeechEvent] = []
    for event in events:
        last = merged[-1] if merged else None
        if isinstance(event, SpeechAudio) and isinstance(last, SpeechAudio) and last.channel == event.channel:
            merged[-1] = SpeechAudio(event.channel, np.concatenate([last.samples, event.samples]))
        else:
            merged.append(event)
    return merged
