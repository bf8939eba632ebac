"""The scorer thread: finished utterances become scored, numbered turns; between them come provisional estimates."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from copy import copy
from typing import NamedTuple, Protocol, TypeAlias

from monitor.flow import Transcript, Utterance, Word
from monitor.pipeline.music import is_music
from monitor.pipeline.transcription import PartialUtterance
from monitor.queue import ClosableQueue
from monitor.roles import Role
from monitor.samples import loudness_dbfs
from monitor.timeline.turn import MUSIC, Turn
from stser_core.scores import EmotionScores, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline

_LARGEST_BATCH = 16


class Scorer(Protocol):
    """The emotion model, with its checkpoint's name; `stser_core.EmotionRecognizer` in use."""

    name: str

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score a batch: one result for each utterance, `None` where no classifier could answer."""


Estimator: TypeAlias = Callable[[Sequence[SpeechInput]], "list[EmotionScores | None]"]


class Scored(NamedTuple):
    """A turn on its way to the outputs, and when its utterance ended, was taken, and was transcribed."""

    turn: Turn
    times: tuple[float, float, float]


class Scoring:
    """Makes the turns of one timeline, numbered in the order in which they come; between them, estimates.

    `offer` may be called by any thread, the rest by the scorer's.

    Attributes:
        waiting: The segmenter thread puts finished utterances here and closes it; the scorer's cancels it.
        estimates: For each channel, the start of the utterance that was estimated last, in seconds, and its scores.
            Each is written as a whole; any thread may read it.
    """

    def __init__(
        self,
        recording: str,
        roles: Sequence[Role],
        scorer: Scorer,
        speaker_of: Callable[[Utterance], str] | None = None,
        estimate: Estimator | None = None,
        capacity: int = 64,
    ) -> None:
        self.waiting: ClosableQueue[Utterance | PartialUtterance] = ClosableQueue(capacity)
        self.estimates: list[tuple[float, EmotionScores | None]] = [(0.0, None)] * len(roles)
        self._recording = recording
        self._roles = roles
        self._scorer = scorer
        self._estimate = estimate or scorer.score
        self._speaker_of = speaker_of or (lambda utterance: roles[utterance.channel - 1].speaker)
        self._baselines: dict[tuple[int, str], SpeakerBaseline] = defaultdict(SpeakerBaseline)
        self._made = 0

    def offer(self, partial: PartialUtterance) -> bool:
        """Have an estimate made if there is nothing else to do right now; never waits."""
        return self._roles[partial.channel - 1].scored and self.waiting.try_put(partial)

    def run(self, deliver: Callable[[Scored], bool]) -> None:
        """Work until the input ends, or `deliver` refuses a turn."""
        while (item := self.waiting.get()) is not None:
            if isinstance(item, Utterance):
                if not all(map(deliver, self._scored(item))):
                    return
            elif len(self.waiting) == 0 and (estimate := self.estimate(item)) is not None:
                self.estimates[item.channel - 1] = (item.start_s, estimate)

    def make(self, batch: Sequence[Utterance]) -> list[Turn]:
        """Score utterances whose transcripts are there in one go, but for music and channels that are not scored."""
        music = [is_music(utterance.samples) for utterance in batch]
        inputs = {
            place: self._input(utterance)
            for place, utterance in enumerate(batch)
            if self._roles[utterance.channel - 1].scored and not music[place]
        }
        scores = dict(zip(inputs, self._scorer.score(list(inputs.values())) if inputs else (), strict=True))
        turns = []
        for place, utterance in enumerate(batch):
            transcript = utterance.transcript.result()
            if music[place]:  # as subtitles write it
                transcript = Transcript((Word(MUSIC, utterance.start_s, utterance.end_s, 1.0),))
            self._made += 1
            turns.append(
                Turn.of(
                    recording=self._recording,
                    channel=utterance.channel,
                    speaker=self._speaker_of(utterance),
                    turn=self._made,
                    start_s=utterance.start_s,
                    end_s=utterance.end_s,
                    scores=scores.get(place),
                    transcript=transcript,
                    loudness_dbfs=loudness_dbfs(utterance.samples),
                    dropped_ms=utterance.dropped_ms,
                    checkpoint=self._scorer.name,
                )
            )
        return turns

    def estimate(self, partial: PartialUtterance) -> EmotionScores | None:
        """Score an utterance that goes on; it gets no number and does not become a turn."""
        if is_music(partial.samples):
            return None
        # The baseline learns from whole turns only.
        baseline = self._baselines[partial.channel, self._roles[partial.channel - 1].speaker]
        (scores,) = self._estimate([SpeechInput(partial.samples, partial.words or None, speaker=copy(baseline))])
        return scores

    def _input(self, utterance: Utterance) -> SpeechInput:
        baseline = self._baselines[utterance.channel, self._speaker_of(utterance)]
        transcript = utterance.transcript.result()
        if transcript is None or not transcript.words:
            return SpeechInput(utterance.samples, speaker=baseline)
        return SpeechInput(utterance.samples, transcript.text, transcript.confidence, baseline)

    def _scored(self, first: Utterance) -> list[Scored]:
        """Score the next utterance, and those after it whose transcripts are already there."""
        batch = [(first, time.monotonic())]
        with suppress(CancelledError):
            first.transcript.exception()  # waits for it
        while len(batch) < _LARGEST_BATCH:
            further = self.waiting.get_if(lambda item: isinstance(item, Utterance) and item.transcript.done())
            if not isinstance(further, Utterance):
                break
            batch.append((further, time.monotonic()))
        transcribed_at = time.monotonic()
        batch = [(utterance, taken_at) for utterance, taken_at in batch if not utterance.transcript.cancelled()]
        turns = self.make([utterance for utterance, _ in batch])
        return [
            Scored(turn, (utterance.ended_at, taken_at, transcribed_at))
            for turn, (utterance, taken_at) in zip(turns, batch, strict=True)
        ]
