"""One channel's frames in, its utterances out: a machine with three states.

    QUIET ── enough of the last frames have speech ──► SPEAKING ── a frame without ──► STOPPING
      ▲                                                   ▲                            │      │
      │                                                   └────────── resumed ─────────┘      │
      └──────────────────────────── silence long enough ──────────────────────────────────────┘

A turn that is too long is cut at its quietest point, and the stream's end is the end of an utterance, too.

Everything is counted in frames from the first frame that is kept, so utterances start and end on frames.
"""

from collections.abc import Callable
from enum import Enum, auto

import numpy as np

from monitor.flow import SAMPLE_RATE, SpeechAudio, SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from monitor.segmenter.settings import FRAME, SegmenterSettings, frames
from monitor.segmenter.voice_activity import Frame, VoiceActivity

_START_WINDOW = 5
"""Frames that are looked at for a start."""

_RESUME_FRAMES = 2
"""Frames with speech in a row after which the utterance goes on: what was between was a pause in it."""

_ANSWER_S = 0.5
"""Less speech is a short answer. Only the length distinguishes it from the start of a noise."""

_LOOK_BACK_S = 0.6
"""Search range for a start before the decision. A recording that begins in the middle of a word shows its noise
floor, and with it where the word began, only after some frames."""


class State(Enum):
    """State of a channel between silence and speech."""

    QUIET = auto()
    SPEAKING = auto()
    STOPPING = auto()


class EndpointDetector:
    """Finds the utterances of one channel."""

    def __init__(self, channel: int, settings: SegmenterSettings) -> None:
        """Listen to a channel, counted from 1, from sample 0 on."""
        self._channel = channel
        self._detection = settings.detection
        self._activity = VoiceActivity(settings)
        self._pre_roll = frames(settings.pre_roll_s)
        self._post_roll = frames(settings.post_roll_s)
        self._silence = frames(settings.pause_s)
        self._kept = self._pre_roll + frames(_LOOK_BACK_S)
        self._longest = frames(settings.max_utterance_s)
        self._search_from = self._longest - frames(settings.cut_search_s)
        self._frames: list[Frame] = []
        self._voiced: list[bool] = []
        self._begin(at=0, first=0, continued=False)

    def _begin(self, *, at: int, first: int, continued: bool) -> None:
        """Start afresh with the frames from `first` on, at sample `at`; `continued` after a cut within speech."""
        self._origin = at
        self._frames = self._frames[first:]
        self._voiced = self._voiced[first:]
        self._speech = self._standing_out()
        self._state = State.SPEAKING if continued else State.QUIET
        self._speech_end = len(self._frames)
        self._continued = continued
        self._announced = False
        self._sent = 0
        self._quietest: int | None = None

    @property
    def pending_end(self) -> int | None:
        """While a pause lasts that may be the end: the sample where the utterance would have ended, else `None`."""
        if self._state is State.STOPPING and self._announced:
            return self._sample(self._end_of_speech())
        return None

    def feed(self, frame: Frame, not_before: int, is_echo: Callable[[], bool] = lambda: False) -> list[SpeechEvent]:
        """Take the next frame, and give starts and ends; sound of an utterance that goes on is given by `audio`.

        Args:
            frame: Of 480 samples; shorter only at the very end of a stream.
            not_before: Sample before which no turn may be cut any more, because another channel's utterance
                that ended there has been sent.
            is_echo: Whether the frame is the echo of another channel; asked only where there is speech in it.
        """
        voiced = self._activity.is_voiced(frame)
        speech = voiced and self._activity.stands_out(frame)
        if speech and is_echo():
            voiced = speech = False
        self._frames.append(frame)
        self._voiced.append(voiced)
        self._speech.append(speech)
        if self._state is State.QUIET:
            self._await_start()
        elif self._await_end():
            return self._end()
        if len(self._frames) >= self._longest:
            return self._cut(not_before) if self._state is State.SPEAKING and self._announced else self._end()
        return self._announce()

    def audio(self) -> list[SpeechEvent]:
        """All further sound that belongs for certain to an utterance that goes on."""
        if not self._announced:
            return []
        certain = self._end_of_speech()
        return self._audio(certain if self._quietest is None else min(certain, self._quietest))

    def flush(self, resume_at: int) -> list[SpeechEvent]:
        """End what goes on, and start afresh at a sample further on."""
        events = [] if self._state is State.QUIET else self._end()
        self._begin(at=resume_at, first=len(self._frames), continued=False)
        return events

    def _standing_out(self) -> list[bool]:
        """The speech frames, by the present noise floor."""
        return [
            voiced and self._activity.stands_out(frame)
            for frame, voiced in zip(self._frames, self._voiced, strict=True)
        ]

    def _await_start(self) -> None:
        if sum(self._speech[-_START_WINDOW:]) < self._detection.start_frames:
            self._forget(len(self._frames) - self._kept)
            return
        self._speech = self._standing_out()
        self._forget(self._onset() - self._pre_roll)
        self._state = State.SPEAKING
        self._speech_end = len(self._frames)

    def _onset(self) -> int:
        """The frame with which speech began: back from here, over gaps of the length of a closure."""
        onset = len(self._frames) - 1
        for index in range(onset - 1, -1, -1):
            if self._speech[index]:
                onset = index
            elif onset - index >= _START_WINDOW:
                break
        return onset

    def _forget(self, count: int) -> None:
        if count > 0:
            del self._frames[:count], self._voiced[:count], self._speech[:count]
            self._origin += count * FRAME

    def _await_end(self) -> bool:
        """Follow speech that goes on; true when it has ended."""
        resumed = all(self._speech[-_RESUME_FRAMES:])
        match self._state:
            case State.SPEAKING if not self._speech[-1]:
                self._state = State.STOPPING
            case State.STOPPING if resumed:
                self._state = State.SPEAKING
        if self._state is State.SPEAKING:
            self._speech_end = len(self._frames)
        return len(self._frames) - self._speech_end >= self._silence

    def _is_certain(self, *, ended: bool = False) -> bool:
        """Whether this is speech: long enough, and not a steady tone."""
        if self._continued:
            # What follows a cut was speech already: no part of it may be lost for being short.
            return any(self._speech)
        count = sum(self._speech)
        shortest_s, spread_db = self._detection.min_speech_s, self._detection.min_spread_db
        if ended and count < frames(_ANSWER_S):
            shortest_s, spread_db = self._detection.answer_s, self._detection.answer_spread_db
        if count < frames(shortest_s):
            return False
        spoken = [one for one, speech in zip(self._frames, self._speech, strict=True) if speech]
        return (
            _spread_db([one.level_dbfs for one in spoken]) >= spread_db
            or _spread_db([one.low_dbfs for one in spoken]) >= spread_db
        )

    def _announce(self) -> list[SpeechEvent]:
        """The start, as soon as it is certain; and keep the best cut so far."""
        if self._state is State.QUIET:
            return []
        boundary = len(self._frames) - 1
        # It only ever moves on, so the sound before it can be sent already.
        if boundary >= self._search_from and (
            self._quietest is None or self._loudness_at(boundary) <= self._loudness_at(self._quietest)
        ):
            self._quietest = boundary
        if self._announced or not self._is_certain():
            return []
        self._announced = True
        return [SpeechStarted(self._channel, self._origin / SAMPLE_RATE)]

    def _audio(self, until: int) -> list[SpeechEvent]:
        if until <= self._sent:
            return []
        pieces = [frame.samples for frame in self._frames[self._sent : until]]
        self._sent = until
        return [SpeechAudio(self._channel, np.concatenate(pieces))]

    def _end_of_speech(self) -> int:
        return min(len(self._frames), self._speech_end + self._post_roll)

    def _end(self) -> list[SpeechEvent]:
        """Speech has ended: its utterance, and silence from there on."""
        end = self._end_of_speech()
        events = self._close(end) if self._announced or self._is_certain(ended=True) else []
        self._begin(at=self._sample(end), first=end, continued=False)
        return events

    def _close(self, end: int) -> list[SpeechEvent]:
        start_s = self._origin / SAMPLE_RATE
        samples = np.concatenate([frame.samples for frame in self._frames[:end]])
        utterance = Utterance(self._channel, start_s, self._sample(end) / SAMPLE_RATE, samples)
        started = [] if self._announced else [SpeechStarted(self._channel, start_s)]
        return [*started, *self._audio(end), SpeechEnded(utterance)]

    def _loudness_at(self, boundary: int) -> float:
        return self._frames[boundary - 1].energy + self._frames[boundary].energy

    def _cut(self, not_before: int) -> list[SpeechEvent]:
        """Cut a turn that is too long at its quietest late point; the rest is the next utterance's."""
        first = max(self._search_from, -(-(not_before - self._origin) // FRAME))
        at = len(self._frames)
        if first < at:
            # Of equally quiet points the last, as in _announce.
            at = min(range(at - 1, first - 1, -1), key=self._loudness_at)
        events = self._close(at)
        self._begin(at=self._sample(at), first=at, continued=True)
        return events + self._announce()

    def _sample(self, frame: int) -> int:
        """The sample at which a frame starts, or at which the last, perhaps shorter, frame ends."""
        short = FRAME - len(self._frames[frame - 1].samples) if frame else 0
        return self._origin + frame * FRAME - short


def _spread_db(levels: list[float]) -> float:
    """Difference between the loudest and the quietest tenth, interpolated as `numpy.quantile` does, which is slower."""
    ordered = sorted(levels)
    whole, part = divmod(0.1 * (len(ordered) - 1), 1)
    place = int(whole)
    after = min(place + 1, len(ordered) - 1)
    quiet = ordered[place] + part * (ordered[after] - ordered[place])
    loud = ordered[-1 - place] + part * (ordered[-1 - after] - ordered[-1 - place])
    return loud - quiet
