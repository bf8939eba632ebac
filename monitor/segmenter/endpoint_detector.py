"""One channel's frames in, its utterances out: a machine with four states.

    QUIET ── speech in a frame ──► STARTING ── enough of the last frames ──► SPEAKING ◄─ resumed ─┐
      ▲                               │                                         │                 │
      ├────── no more of it ──────────┘                               a frame without speech      │
      └──────────────────────── silence long enough ◄── STOPPING ◄──────────────┴─────────────────┘

Everything is counted in frames from the first frame that is kept, so utterances start and end on frames.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from monitor.flow import SAMPLE_RATE, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from monitor.segmenter.settings import FRAME, SegmenterSettings, frames
from monitor.segmenter.voice_activity import Heard, VoiceActivity

if TYPE_CHECKING:
    from numpy.typing import NDArray


class State(Enum):
    """Where a channel is between silence and speech."""

    QUIET = auto()
    STARTING = auto()
    SPEAKING = auto()
    STOPPING = auto()


class _Frame(NamedTuple):
    samples: NDArray[np.float32]
    heard: Heard
    energy: float


class EndpointDetector:
    """Finds the utterances of one channel."""

    def __init__(self, channel: int, endpointing: SegmenterSettings) -> None:
        """Listen to a channel, counted from 1, from sample 0 on."""
        self._channel = channel
        self._settings = endpointing
        self._activity = VoiceActivity(endpointing)
        self._pre_roll = frames(endpointing.pre_roll_s)
        self._post_roll = frames(endpointing.post_roll_s)
        self._silence = frames(endpointing.endpoint_silence_s)
        self._look_back = max(frames(endpointing.look_back_s), endpointing.start_window)
        self._longest = frames(endpointing.max_utterance_s)
        self._search_from = self._longest - frames(endpointing.cut_search_s)
        self._begin(at=0, kept=[], continued=False)

    def _begin(self, *, at: int, kept: list[_Frame], continued: bool) -> None:
        """Start afresh with the frames from sample `at` on; `continued` after a cut in the middle of speech."""
        self._origin = at
        self._frames = kept
        self._voiced = self._judged(kept)
        self._state = State.SPEAKING if continued else State.QUIET
        self._speech_end = len(kept)
        self._continued = continued
        self._announced = False
        self._told = 0
        self._quietest: int | None = None

    @property
    def pending_end(self) -> int | None:
        """While a pause lasts that may be the end: the sample where the utterance would have ended, else `None`."""
        if self._state is State.STOPPING and self._announced:
            return self._sample(self._end_of_speech())
        return None

    def feed(self, samples: NDArray[np.float32], not_before: int) -> list[SpeechEvent]:
        """Hear the next frame.

        Args:
            samples: float32 [480] in −1…1, 16 kHz; shorter only at the very end of a stream.
            not_before: Sample before which no turn may be cut any more, because another channel's utterance
                that ended there has been told.
        """
        self._frames.append(_Frame(samples, self._activity.hear(samples), float(np.dot(samples, samples))))
        self._voiced += self._judged(self._frames[-1:])
        if self._state in (State.QUIET, State.STARTING):
            self._await_start()
        elif self._await_end():
            return self._end()
        if len(self._frames) >= self._longest:
            return self._cut(not_before) if self._state is State.SPEAKING and self._announced else self._end()
        return self._tell()

    def flush(self, resume_at: int) -> list[SpeechEvent]:
        """End what goes on, and start afresh at a sample further on."""
        going_on = self._state in (State.SPEAKING, State.STOPPING)
        events = self._end() if going_on else []
        self._begin(at=resume_at, kept=[], continued=False)
        return events

    def _judged(self, kept: list[_Frame]) -> list[bool]:
        return [self._activity.is_speech(frame.heard) for frame in kept]

    def _await_start(self) -> None:
        voiced = sum(self._voiced[-self._settings.start_window :])
        if voiced < self._settings.start_frames:
            self._state = State.STARTING if voiced else State.QUIET
            self._forget(len(self._frames) - self._pre_roll - self._look_back)
            return
        self._voiced = self._judged(self._frames)
        self._forget(self._onset() - self._pre_roll)
        self._state = State.SPEAKING
        self._speech_end = len(self._frames)

    def _onset(self) -> int:
        """The frame with which speech began: back from here, over gaps of the length of a closure."""
        onset = len(self._frames) - 1
        for index in range(onset - 1, -1, -1):
            if self._voiced[index]:
                onset = index
            elif onset - index >= self._settings.start_window:
                break
        return onset

    def _forget(self, count: int) -> None:
        if count > 0:
            del self._frames[:count], self._voiced[:count]
            self._origin += count * FRAME

    def _await_end(self) -> bool:
        """Follow speech that goes on; true when it has ended."""
        resumed = all(self._voiced[-self._settings.resume_frames :])
        match self._state:
            case State.SPEAKING if not self._voiced[-1]:
                self._state = State.STOPPING
            case State.STOPPING if resumed:
                self._state = State.SPEAKING
        if self._state is State.SPEAKING:
            self._speech_end = len(self._frames)
        return len(self._frames) - self._speech_end >= self._silence

    def _is_certain(self) -> bool:
        """Whether this is speech: long enough, and no steady tone."""
        if self._continued:
            # What follows a cut was speech already: no part of it may be lost for being short.
            return any(self._voiced)
        levels = [kept.heard[1:] for kept, voiced in zip(self._frames, self._voiced, strict=True) if voiced]
        if len(levels) < frames(self._settings.min_speech_s):
            return False
        quiet, loud = np.quantile(levels, (0.1, 0.9), axis=0)
        return bool((loud - quiet).max() >= self._settings.min_spread_db)

    def _tell(self) -> list[SpeechEvent]:
        """The start as soon as it is certain, and all sound that belongs to this utterance for certain."""
        if self._state not in (State.SPEAKING, State.STOPPING):
            return []
        self._watch_for_quiet()
        if not self._announced and not self._is_certain():
            return []
        certain = self._end_of_speech()
        if self._quietest is not None:
            certain = min(certain, self._quietest)
        return self._announce(certain)

    def _announce(self, until: int) -> list[SpeechEvent]:
        events: list[SpeechEvent] = []
        if not self._announced:
            self._announced = True
            events.append(SpeechStarted(self._channel, self._origin / SAMPLE_RATE))
        if until > self._told:
            events.append(SpeechAudio(self._channel, _joined(self._frames[self._told : until])))
            self._told = until
        return events

    def _end_of_speech(self) -> int:
        return min(len(self._frames), self._speech_end + self._post_roll)

    def _end(self) -> list[SpeechEvent]:
        """Speech has ended: its utterance, and silence from there on."""
        end = self._end_of_speech()
        events = self._close(end) if self._announced or self._is_certain() else []
        self._begin(at=self._sample(end), kept=self._frames[end:], continued=False)
        return events

    def _close(self, end: int) -> list[SpeechEvent]:
        start = self._origin / SAMPLE_RATE
        samples = _joined(self._frames[:end])
        utterance = Utterance(self._channel, start, self._sample(end) / SAMPLE_RATE, samples)
        return [*self._announce(end), SpeechEnded(utterance)]

    def _watch_for_quiet(self) -> None:
        """Keep the best cut so far. It only ever moves on, so the sound before it can be told already."""
        boundary = len(self._frames) - 1
        if boundary < self._search_from:
            return
        if self._quietest is None or self._loudness_at(boundary) <= self._loudness_at(self._quietest):
            self._quietest = boundary

    def _loudness_at(self, boundary: int) -> float:
        return self._frames[boundary - 1].energy + self._frames[boundary].energy

    def _cut(self, not_before: int) -> list[SpeechEvent]:
        """Cut a turn that is too long at its quietest late point; the rest is the next utterance's."""
        first = max(self._search_from, -(-(not_before - self._origin) // FRAME))
        at = len(self._frames)
        if first < at:
            # Of equally quiet points the last, as in _watch_for_quiet.
            at = min(range(at - 1, first - 1, -1), key=self._loudness_at)
        events = self._close(at)
        self._begin(at=self._sample(at), kept=self._frames[at:], continued=True)
        return events + self._tell()

    def _sample(self, frame: int) -> int:
        """The sample at which a frame starts, or at which the last, perhaps shorter, frame ends."""
        return self._origin + sum(len(kept.samples) for kept in self._frames[:frame])


def _joined(pieces: list[_Frame]) -> NDArray[np.float32]:
    return np.concatenate([np.empty(0, np.float32), *(piece.samples for piece in pieces)])
