"""The settings by which speech is told from silence and cut into utterances."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.flow import SAMPLE_RATE

FRAME = 480
"""Samples of one frame: 30 ms, the longest that WebRTC's detector takes. Utterances start and end on frames."""

FRAME_S = FRAME / SAMPLE_RATE


@dataclass(frozen=True)
class SegmenterSettings:
    """When speech starts, when it has ended, and where a turn that is too long is cut.

    Times are rounded to whole frames of 30 ms.

    Attributes:
        mode: Aggressiveness of WebRTC's detector, 0 (calls much speech) to 3 (calls little speech).
        absolute_floor_dbfs: A frame below this level is silence, whatever the detector says.
        floor_margin_db: A frame less than this above the noise floor, and in the low frequencies less than
            `low_floor_margin_db` above it, is silence, whatever the detector says.
        low_floor_margin_db: More, since the level of a noise varies the more the less of its band is looked at.
        floor_window_s: Seconds over which the noise floor is tracked. A noise that sets in is taken for noise
            after this time at the latest.
        start_frames: Frames with speech, of the last `start_window`, that make a start.
        start_window: Frames that are looked at for a start.
        resume_frames: Frames with speech in a row that make a pause a pause and not an end.
        endpoint_silence_s: Silence that ends an utterance.
        pre_roll_s: Sound kept from before the first frame with speech, so that no onset is lost.
        post_roll_s: Sound kept from after the last frame with speech.
        look_back_s: How far before the decision a start is looked for. A recording that begins in the middle of a
            word shows its noise floor, and with it where the word began, only after some frames.
        min_speech_s: An utterance with less speech than this is dropped: a click, a cough.
        min_spread_db: What keeps its level more steadily than this, over all frequencies and in the low ones, is a tone
            or a noise that has set in, not speech: difference between the loudest and the quietest tenth of the
            frames with speech.
        max_utterance_s: No utterance is longer; a longer turn is cut, the next starts where this one ended.
        cut_search_s: The cut goes to the quietest point of this many last seconds.
    """

    mode: int = 2
    absolute_floor_dbfs: float = -65.0
    floor_margin_db: float = 4.0
    low_floor_margin_db: float = 6.0
    floor_window_s: float = 5.0
    start_frames: int = 3
    start_window: int = 5
    resume_frames: int = 2
    endpoint_silence_s: float = 0.5
    pre_roll_s: float = 0.24
    post_roll_s: float = 0.15
    look_back_s: float = 0.6
    min_speech_s: float = 0.25
    min_spread_db: float = 5.0
    max_utterance_s: float = 15.0
    cut_search_s: float = 4.0

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            ValueError: With the setting's name and value.
        """
        if self.mode not in range(4):
            raise ValueError(f"mode is {self.mode}; WebRTC's detector has the modes 0 to 3.")
        if not 1 <= self.start_frames <= self.start_window:
            raise ValueError(f"start_frames is {self.start_frames}, not within 1…{self.start_window}.")
        if self.resume_frames < 1:
            raise ValueError(f"resume_frames is {self.resume_frames}; at least one frame is needed.")
        if not 0 <= self.post_roll_s < self.endpoint_silence_s:
            raise ValueError(f"post_roll_s is {self.post_roll_s}, not below endpoint_silence_s.")
        if self.pre_roll_s < 0 or self.min_speech_s < FRAME_S or self.floor_window_s < 1:
            raise ValueError("pre_roll_s, min_speech_s or floor_window_s is too small.")
        if not FRAME_S <= self.cut_search_s <= self.max_utterance_s / 2:
            raise ValueError(f"cut_search_s is {self.cut_search_s}, not within half of max_utterance_s.")
        if self.max_utterance_s < self.pre_roll_s + self.min_speech_s + self.endpoint_silence_s:
            raise ValueError(f"max_utterance_s is {self.max_utterance_s}, too short for any utterance.")


def frames(seconds: float) -> int:
    """A time in whole frames, rounded."""
    return round(seconds / FRAME_S)
