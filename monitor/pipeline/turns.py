"""From utterances and their transcripts to scored, numbered turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from monitor.flow import Transcript, Turn, Utterance
from monitor.loudness import loudness_dbfs
from stser_core.scores import EmotionScores, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.pipeline.following import Provisional

Heard: TypeAlias = "tuple[Utterance, Transcript | None]"
"""An utterance, and its transcript where there is one."""


@dataclass(frozen=True)
class Lane:
    """What is known of a channel beforehand.

    Attributes:
        speaker: The role of who speaks on it.
        scored: Whether the emotion is scored. Without, the channel is transcribed and timed only.
    """

    speaker: str
    scored: bool = True


class Scorer(Protocol):
    """What tells the emotions; `stser_core.EmotionRecognizer` in operation.

    Attributes:
        name: The checkpoint's name.
    """

    name: str

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score a batch: one result for each utterance, `None` where no classifier could answer."""
        ...


class TurnMaker:
    """Makes the turns of one timeline and numbers them in the order in which they come."""

    def __init__(
        self, recording: str, lanes: Sequence[Lane], scorer: Scorer, names: Mapping[float, str] | None = None
    ) -> None:
        """Prepare.

        Args:
            recording: What the timeline is of.
            lanes: Its channels.
            scorer: What tells the emotions.
            names: Who speaks in the utterance that starts then, where several voices share a channel.
        """
        self._recording = recording
        self._lanes = lanes
        self._scorer = scorer
        self._names = names or {}
        self._baselines: dict[tuple[int, str], SpeakerBaseline] = defaultdict(SpeakerBaseline)
        self._made = 0

    def make(self, batch: Sequence[Heard]) -> list[Turn]:
        """Score a batch in one go, leaving out the channels that are not to be scored."""
        results = self._scores([heard for heard in batch if self._lane(heard).scored])
        turns = []
        for heard in batch:
            self._made += 1
            turns.append(self._turn(heard, next(results) if self._lane(heard).scored else None))
        return turns

    def scores_channel(self, channel: int) -> bool:
        """Whether the emotion of a channel, counted from 1, is scored."""
        return self._lanes[channel - 1].scored

    def estimate(self, provisional: Provisional) -> EmotionScores | None:
        """Score an utterance that goes on; it gets no number and is no turn."""
        speaker = self._speaker(provisional.channel, provisional.start_s)
        baseline = self._baseline(provisional.channel, speaker).frozen()  # it learns from the whole turn only
        given = SpeechInput(provisional.samples, provisional.words or None, speaker=baseline)
        (scores,) = self._scorer.score([given])
        return scores

    def _lane(self, heard: Heard) -> Lane:
        return self._lanes[heard[0].channel - 1]

    def _speaker(self, channel: int, start_s: float) -> str:
        return self._names.get(start_s, self._lanes[channel - 1].speaker)

    def _baseline(self, channel: int, speaker: str) -> SpeakerBaseline:
        """The running baseline of whoever speaks: one for each speaker of a channel."""
        return self._baselines[channel, speaker]

    def _input(self, utterance: Utterance, transcript: Transcript | None) -> SpeechInput:
        speaker = self._baseline(utterance.channel, self._speaker(utterance.channel, utterance.start_s))
        if transcript is None or not transcript.words:
            return SpeechInput(utterance.samples, speaker=speaker)
        return SpeechInput(utterance.samples, transcript.text, transcript.confidence, speaker)

    def _scores(self, batch: Sequence[Heard]) -> Iterator[EmotionScores | None]:
        if not batch:
            return iter(())
        results = self._scorer.score([self._input(*heard) for heard in batch])
        if len(results) != len(batch):
            raise RuntimeError(f"{self._scorer.name} scored {len(results)} of {len(batch)} utterances.")
        return iter(results)

    def _turn(self, heard: Heard, scores: EmotionScores | None) -> Turn:
        utterance, transcript = heard
        return Turn(
            recording=self._recording,
            channel=utterance.channel,
            speaker=self._speaker(utterance.channel, utterance.start_s),
            turn=self._made,
            start_s=utterance.start_s,
            end_s=utterance.end_s,
            scores=scores,
            transcript=transcript,
            loudness_dbfs=loudness_dbfs(utterance.samples),
            dropped_ms=utterance.dropped_ms,
            checkpoint=self._scorer.name,
        )
