"""The results of call analytics: frozen data, whose field names are the keys of the JSON.

The terms are those of Amazon Transcribe Call Analytics: talk time, non-talk time with its
instances, interruptions by interrupter, talk speed, loudness, and sentiment by quarter of the call. All times are
seconds from the start of the recording. `None` is a value that the timeline does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from stser_core.errors import DataError
from stser_core.files import utf8


@dataclass(frozen=True)
class Span:
    """A stretch of the recording."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Silence:
    """Time without speech.

    Attributes:
        total_s: All of it, pauses between two words of a turn excepted.
        share: Its proportion of the recording in 0…1, or `None` for a recording without length.
        long_s: The part of it that lies in `instances`.
        instances: Silences longer than three seconds, in their order.
    """

    total_s: float
    share: float | None
    long_s: float
    instances: tuple[Span, ...]


@dataclass(frozen=True)
class Interruption:
    """One speaker begins while another speaks, and both go on.

    Attributes:
        start_s: When the interrupter begins.
        end_s: When the first of the two stops.
        turn: The turn with which the interrupter begins.
        interrupted_channel: The other's channel.
        interrupted: The other's role.
    """

    start_s: float
    end_s: float
    turn: int
    interrupted_channel: int
    interrupted: str


@dataclass(frozen=True)
class InterruptionsBy:
    """The interruptions of one interrupter."""

    channel: int
    speaker: str
    count: int
    total_s: float
    instances: tuple[Interruption, ...]


@dataclass(frozen=True)
class Interruptions:
    """All interruptions, and those of each speaker, also of one who never interrupts."""

    count: int
    total_s: float
    by_interrupter: tuple[InterruptionsBy, ...]


@dataclass(frozen=True)
class LongestTurn:
    """A speaker's longest turn."""

    turn: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class ResponseTimes:
    """The silences between another's speech and this speaker's.

    Attributes:
        count: How many.
        median_s: `None`, as the other two, where there is none.
        mean_s: Their mean.
        longest_s: The longest.
    """

    count: int
    median_s: float | None
    mean_s: float | None
    longest_s: float | None


@dataclass(frozen=True)
class Quarter:
    """A speaker's emotions in one quarter of the recording.

    Attributes:
        start_s: Where the quarter begins.
        end_s: Where it ends.
        scored_s: Scored talk time in it.
        shares: Each emotion's proportion of it, or `None` without scored talk time.
    """

    start_s: float
    end_s: float
    scored_s: float
    shares: Mapping[str, float] | None


@dataclass(frozen=True)
class SpeakerEmotions:
    """One speaker's emotions.

    Attributes:
        scored_s: Talk time whose emotion was scored.
        shares: Each emotion's proportion of it; they sum to 1.
        main: The emotion with the largest proportion.
        quarters: The same by quarter of the recording.
        first: Emotion of the first scored turn.
        last: Emotion of the last scored turn.
        trend: `worse`, `better` or `steady`, or `None` where only one turn was scored.
        change: By how much the probability of anger or sadness is higher in the second half of the scored talk
            time than in the first; −1…1.
    """

    scored_s: float
    shares: Mapping[str, float]
    main: str
    quarters: tuple[Quarter, ...]
    first: str
    last: str
    trend: str | None
    change: float | None


@dataclass(frozen=True)
class Replies:
    """One speaker's replies to another's turns of one emotion.

    Attributes:
        to_channel: The other's channel.
        to_speaker: The other's role.
        to_emotion: The emotion of the other's turns, or `None` where they were not scored.
        turns: How many replies.
        emotions: How many of them have which emotion.
    """

    to_channel: int
    to_speaker: str
    to_emotion: str | None
    turns: int
    emotions: Mapping[str, int]


@dataclass(frozen=True)
class SpeakerAnalytics:
    """One speaker of the call.

    Attributes:
        channel: Counts from 1.
        speaker: The channel's role.
        turns: Rows of the timeline.
        talk_s: Talk time.
        talk_share: Its proportion of all speakers' talk time, in four decimals; they sum to 1.
        longest_turn: The longest turn.
        longest_stretch: The longest speech of the speaker, pauses below half a second included.
        words: Number of transcribed words, or `None` where no turn has any.
        words_per_minute: Words by the talk time of the turns that have words.
        loudness_dbfs: Mean power of the turns in decibels below full scale.
        response_times: Silences between another's speech and the speaker's.
        emotions: `None` where no turn was scored, as an agent's.
        replies: Emotions of the speaker's replies to others; `None` where nobody else speaks or no turn was scored.
    """

    channel: int
    speaker: str
    turns: int
    talk_s: float
    talk_share: float | None
    longest_turn: LongestTurn
    longest_stretch: Span
    words: int | None
    words_per_minute: float | None
    loudness_dbfs: float | None
    response_times: ResponseTimes | None
    emotions: SpeakerEmotions | None
    replies: tuple[Replies, ...] | None


@dataclass(frozen=True)
class SpokenTurn:
    """A turn of the angriest minute."""

    turn: int
    channel: int
    speaker: str
    start_s: float
    end_s: float
    emotion: str | None
    transcript: str | None


@dataclass(frozen=True)
class AngriestMinute:
    """The sixty seconds with the most anger.

    Attributes:
        start_s: Where they begin.
        end_s: Sixty seconds later, or the recording's end.
        anger: Mean probability of anger over the scored talk time in them.
        angry_s: Expected seconds of angry speech: probability of anger times talk time.
        turns: All turns that reach into them, scored or not, with their words.
    """

    start_s: float
    end_s: float
    anger: float
    angry_s: float
    turns: tuple[SpokenTurn, ...]


@dataclass(frozen=True)
class CallAnalytics:
    """Metrics of a call.

    Attributes:
        recording: Its name, or `None` where the timeline has no turn.
        duration_s: Its length.
        mixed: Several people share one channel: values by speaker are `None`.
        speech_s: Time in which anybody speaks.
        overlap_s: Time in which two or more speak; `None` with one channel only.
        silence: Time in which nobody speaks.
        interruptions: `None` with one channel only.
        speakers: In the order of the channels.
        angriest_minute: `None` where no turn was scored, or none has any probability of anger.
    """

    recording: str | None
    duration_s: float
    mixed: bool
    speech_s: float
    overlap_s: float | None
    silence: Silence
    interruptions: Interruptions | None
    speakers: tuple[SpeakerAnalytics, ...]
    angriest_minute: AngriestMinute | None


_DECIMALS = 4


def to_json(analytics: CallAnalytics) -> str:
    """The analytics as an indented JSON object, ending in a line end; numbers have at most four decimals."""
    values = _printed(msgspec.to_builtins(analytics))
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode() + "\n"


def from_json(text: str | bytes) -> CallAnalytics:
    """Analytics that `to_json` wrote.

    Raises:
        DataError: The text is not such JSON.
    """
    try:
        return msgspec.json.decode(text, type=CallAnalytics)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"These are not call analytics: {error}.") from error


def _printed(value: object) -> object:
    """Numbers rounded, and lone surrogates (from a file name that is not UTF-8) as visible escapes."""
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, str):
        return utf8(value).decode()
    if isinstance(value, dict):
        return {key: _printed(part) for key, part in value.items()}
    return [_printed(part) for part in value] if isinstance(value, (list, tuple)) else value
