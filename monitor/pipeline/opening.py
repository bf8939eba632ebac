"""Opens a recording, and makes the pipeline that scores it: `replay` and `archive` alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from monitor.options import AnalysisOptions
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import MIXED, Role, roles
from monitor.sources.recording import Recording, channels_same
from monitor.speakers import VoskEmbeddings, diarize
from monitor.timeline.turn import Turn
from monitor.transcribers import Transcriber
from stser_core.audio_file import AudioFile, TrackChoice
from stser_core.errors import UsageError

if TYPE_CHECKING:
    from stser_core.recognizer import EmotionRecognizer


class Opened(NamedTuple):
    """A recording, its file, and a role for each of its channels, or one for all, which are then mixed."""

    file: AudioFile
    recording: Recording
    roles: tuple[Role, ...]


def open_recording(file: AudioFile, options: AnalysisOptions, name: str | None = None) -> Opened:
    """Look at a recording and give its channels their roles; those that are all the same become one.

    Raises:
        AudioError: The file is missing or is not audio.
        UsageError: The roles do not fit its channels, or several channels are to be diarized.
    """
    scoring, track = options.scoring, track_choice(options.recording.track)
    recording = Recording(file, track=track, name=name)
    given = roles(scoring.channels, recording.channels, recording.name, score_agents=scoring.score_agents)
    if len(given) > 1 and channels_same(file, track):
        # `speaker1`, as of any recording of one channel, or `mixed`, since the names can no longer be told apart.
        speaker = given[0].speaker if scoring.channels is None else MIXED
        given = (Role(speaker, scored=all(role.scored for role in given)),)
        scored = "" if given[0].scored else " Nothing is scored, since an agent may speak in it (see --score-agents)."
        same = "both channels" if recording.channels == 2 else f"all {recording.channels} channels"
        recording.notices.append(f"{same} of {recording.name} are the same, so it is treated as mono.{scored}")
    if options.recording.speakers is not None and len(given) != 1:
        raise UsageError(
            f"--speakers distinguishes speakers on one channel, but {recording.name} has {recording.channels}; "
            "name them with --channels, or mix them with --channels mix."
        )
    return Opened(file, recording, given)


def track_choice(option: str | None) -> TrackChoice:
    """The audio track that `--track` means.

    Raises:
        UsageError: It is neither a number nor `all`.
    """
    if option is None:
        return None
    if option == "all":
        return "all"
    if not option.isdecimal():
        raise UsageError(f"--track is '{option}'; it has to be the number of an audio track, counted from 1, or all.")
    return int(option)


@dataclass(frozen=True)
class Models:
    """One copy of the models, however many recordings are scored at once."""

    scorer: EmotionRecognizer  # finds the emotions
    transcriber: Transcriber  # finds the words
    extractor: VoskEmbeddings | None = None  # computes speaker embeddings, with `--speakers`


def recording_pipeline(
    opened: Opened,
    models: Models,
    options: AnalysisOptions,
    outputs: Sequence[Callable[[Turn], None]],
    *,
    halted: Callable[[], bool],
) -> Pipeline:
    """Make the pipeline of a recording, whose speakers are diarized first where that was asked for.

    The outputs get its turns, without words where those are not to be kept; `halted` is asked again and again whether
    to stop diarizing.

    Raises:
        Halted: It is to stop.
    """
    segmentation, count, speaker_of = options.segmentation.settings(), options.recording.speakers, None
    if count is not None and models.extractor is not None:
        again = Recording(opened.file, track=track_choice(options.recording.track))
        speaker_of = diarize(again, count, models.extractor, segmentation, halted=halted)
    return Pipeline(
        opened.recording,
        roles=opened.roles,
        transcriber=models.transcriber,
        scorer=models.scorer,
        outputs=outputs,
        transcripts=not options.transcription.no_transcript,
        speaker_of=speaker_of,
        segmentation=segmentation,
    )
