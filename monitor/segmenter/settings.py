"""Settings for the detection of speech and its division into utterances."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from monitor.flow import SAMPLE_RATE
from stser_core.errors import UsageError

FRAME = 480
"""Samples of one frame: 30 ms, the longest that WebRTC's detector takes. Utterances start and end on frames."""

Sensitivity: TypeAlias = Literal["low", "normal", "high"]
"""Sensitivity of the speech detection."""


class Detection(NamedTuple):
    """The thresholds of one sensitivity."""

    mode: int  # aggressiveness of WebRTC's detector, 0 (calls much speech) to 3 (calls little speech)
    # A frame less than this above the noise floor, and in the low frequencies less than `low_floor_margin_db` above it,
    # is silence, whatever the detector says.
    floor_margin_db: float
    low_floor_margin_db: float  # more, since the level of a noise varies the more the less of its band is looked at
    start_frames: int  # frames with speech, of a few, that make a start
    min_speech_s: float  # an utterance with less speech than this is dropped: a click, a cough
    # What keeps its level more steadily than this, over all frequencies and in the low ones, is a tone or a noise that
    # has set in, not speech: difference between the loudest and the quietest tenth of the frames with speech.
    min_spread_db: float
    # The same two for what has ended within half a second: a short answer.
    answer_s: float
    answer_spread_db: float


_DETECTION: dict[Sensitivity, Detection] = {
    "low": Detection(3, 6.0, 9.0, 4, 0.4, 6.0, 0.4, 6.0),
    "normal": Detection(2, 4.0, 6.0, 3, 0.25, 5.0, 0.25, 5.0),
    "high": Detection(2, 4.0, 6.0, 2, 0.25, 5.0, 0.12, 2.5),
}


@dataclass(frozen=True)
class SegmenterSettings:
    """Settings for the start and end of speech, and for cutting long turns.

    Times are rounded to whole frames of 30 ms.
    """

    pause_s: float = 0.5  # silence that ends an utterance
    # `high` also finds answers as short as "yes", and some coughs and clicks with them; `low` leaves out what is short,
    # faint or unsteady.
    sensitivity: Sensitivity = "normal"
    pre_roll_s: float = 0.24  # sound kept from before the first frame with speech, so that no onset is lost
    post_roll_s: float = 0.15  # sound kept from after the last frame with speech
    max_utterance_s: float = 15.0  # no utterance is longer; a longer turn is cut, the next starts where this one ended
    cut_search_s: float = 4.0  # the cut goes to the quietest point of this many last seconds

    def __post_init__(self) -> None:
        """Refuse a pause that is out of bounds.

        Raises:
            UsageError: With its value.
        """
        if not 0.2 <= self.pause_s <= 3.0:
            raise UsageError(f"The pause that ends a turn is {self.pause_s:g} s; it has to be between 0.2 and 3.")

    @property
    def detection(self) -> Detection:
        """The thresholds of the sensitivity."""
        return _DETECTION[self.sensitivity]


def frames(seconds: float) -> int:
    """A time in whole frames, rounded."""
    return round(seconds / (FRAME / SAMPLE_RATE))
