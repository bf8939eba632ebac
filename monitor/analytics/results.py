"""The results of call analytics: frozen data, whose field names are the keys of the JSON.

docs/analytics.md defines each. The terms are those of Amazon Transcribe Call Analytics: talk time, non-talk time with
its instances, interruptions by interrupter, talk speed, loudness, and sentiment by quarter of the call. All times are
seconds from the start of the recording. `None` is a value that the timeline does not tell.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from stser_core.files import utf8


class Span(Struct, frozen=True):
    """A stretch of the recording."""

    start_s: float
    end_s: float


class Silence(Struct, frozen=True):
    """Time without speech."""

    total_s: float
    share: float | None
    long_s: float
    instances: tuple[Span, ...]


class Interruption(Struct, frozen=True):
    """One speaker begins while another speaks, and both go on."""

    start_s: float
    end_s: float
    turn: int
    interrupted_channel: int
    interrupted: str


class InterruptionsBy(Struct, frozen=True):
    """The interruptions of one interrupter."""

    channel: int
    speaker: str
    count: int
    total_s: float
    instances: tuple[Interruption, ...]


class Interruptions(Struct, frozen=True):
    """All interruptions, and those of each speaker, also of one who never interrupts."""

    count: int
    total_s: float
    by_interrupter: tuple[InterruptionsBy, ...]


class LongestTurn(Struct, frozen=True):
    """A speaker's longest turn."""

    turn: int
    start_s: float
    end_s: float


class ResponseTimes(Struct, frozen=True):
    """The silences between another's speech and this speaker's."""

    count: int
    median_s: float | None
    mean_s: float | None
    longest_s: float | None


class Quarter(Struct, frozen=True):
    """A speaker's emotions in one quarter of the recording."""

    start_s: float
    end_s: float
    scored_s: float
    shares: Mapping[str, float] | None


class SpeakerEmotions(Struct, frozen=True):
    """One speaker's emotions."""

    scored_s: float
    shares: Mapping[str, float]
    main: str
    quarters: tuple[Quarter, ...]
    first: str
    last: str
    trend: str | None
    change: float | None


class Replies(Struct, frozen=True):
    """One speaker's replies to another's turns of one emotion."""

    to_channel: int
    to_speaker: str
    to_emotion: str | None
    turns: int
    emotions: Mapping[str, int]


class SpeakerAnalytics(Struct, frozen=True):
    """One speaker of the call."""

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


class SpokenTurn(Struct, frozen=True):
    """A turn of the angriest minute."""

    turn: int
    channel: int
    speaker: str
    start_s: float
    end_s: float
    emotion: str | None
    transcript: str | None


class AngriestMinute(Struct, frozen=True):
    """The sixty seconds with the most anger."""

    start_s: float
    end_s: float
    anger: float
    angry_s: float
    turns: tuple[SpokenTurn, ...]


class CallAnalytics(Struct, frozen=True):
    """Metrics of a call."""

    recording: str | None
    duration_s: float
    mixed: bool
    speech_s: float
    overlap_s: float | None
    silence: Silence
    interruptions: Interruptions | None
    speakers: tuple[SpeakerAnalytics, ...]
    angriest_minute: AngriestMinute | None


def to_json(analytics: CallAnalytics) -> str:
    """The analytics as an indented JSON object, ending in a line end; numbers have at most four decimals."""
    values = _printed(msgspec.to_builtins(analytics))
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode() + "\n"


def _printed(value: object) -> object:
    """Numbers rounded, and lone surrogates (from a file name that is not UTF-8) as visible escapes."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, str):
        return utf8(value).decode()
    if isinstance(value, dict):
        return {key: _printed(part) for key, part in value.items()}
    return [_printed(part) for part in value] if isinstance(value, (list, tuple)) else value
