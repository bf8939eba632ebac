"""How good a checkpoint is, judged through the same recognizer that the monitor runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
import torch

from stser_core.adaptation import Voice
from stser_core.audio import SAMPLE_RATE, load_mono, telephone_band
from stser_core.emotions import LABELS, index
from stser_core.errors import DataError
from stser_core.features import FeatureSettings, trim
from stser_core.scores import ENSEMBLE, EmotionScores, Spoken
from stser_core.training.metrics import Metrics, measure
from stser_core.training.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from stser_core.encoding import Encoding
    from stser_core.recognizer import Recognizer
    from stser_core.training.clip import Clip

Band = Literal["wide", "telephone"]

BANDS: tuple[Band, ...] = ("wide", "telephone")

Acquaintance = Literal["new", "known"]
"""How well a clip's voice is known when it is judged: not at all, or from the speaker's other clips before it."""

NEW: tuple[Acquaintance, ...] = ("new",)
ACQUAINTANCES: tuple[Acquaintance, ...] = ("new", "known")

_CHUNK_CLIPS = 64
_CHUNK_SAMPLES = 600 * SAMPLE_RATE
_TRIMMING = FeatureSettings()
_NO_SOUND = np.zeros(0, dtype=np.float32)
_BREAKDOWNS: Mapping[str, Callable[[Judged], str | None]] = {
    "corpus": lambda judged: judged.clip.corpus,
    "gender": lambda judged: judged.clip.gender,
    "language": lambda judged: judged.clip.language,
    "band": lambda judged: None if judged.clip.path is None else judged.band,
}
_VOICE = "voice"
NEW_BY_CORPUS = "corpus_of_new_voices"
"""The breakdown that publications compare with: each corpus, each clip by itself."""

_ORDER_SEED = 0


@dataclass(frozen=True)
class Judged:
    """A clip with its scores, as heard over one band, of a voice that is new or known."""

    clip: Clip
    band: Band
    scores: EmotionScores
    voice: Acquaintance = "new"


class Answering(Protocol):
    """Whose answers are reported: a checkpoint's name, and its classifiers."""

    @property
    def name(self) -> str: ...  # noqa: D102 (above)

    @property
    def classifiers(self) -> Sequence[str]: ...  # noqa: D102


def judge(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    *,
    bands: Sequence[Band] = ("wide",),
    voices: Sequence[Acquaintance] | None = None,
    load: Callable[[Path], NDArray[np.float32]] = load_mono,
    encode: Callable[[NDArray[np.float32]], Encoding] | None = None,
) -> list[Judged]:
    """Score clips; those that none of the recognizer's classifiers can answer are left out.

    A recognizer that gets used to voices is judged as it listens: the recordings come in an order that is drawn (always
    the same), and of a `known` voice it has heard those of its speaker that came before, over the same band. A
    recording that is judged several times, with other words each time, is heard once: each time is the first.

    Args:
        recognizer: With the checkpoint and the classifiers to judge.
        clips: With sound, text or both.
        bands: `wide` as recorded, `telephone` as the line would carry it.
        voices: `new` judges each clip by itself; by default as `voices_for` says.
        load: Gives a recording's samples.
        encode: Gives what an encoder outside the model makes of sound, for the members that read it; it hears the
            utterance without the silence around it.

    Raises:
        AudioError: A recording cannot be decoded.
    """
    voices = voices_for(recognizer) if voices is None else voices
    known: dict[tuple[str, Band], Voice] = defaultdict(Voice)
    ordered = clips if voices == NEW else in_drawn_order(clips)

    def of(clip: Clip, band: Band, voice: Acquaintance, last: bool) -> Voice | None:
        if voice == "new":
            return None
        return known[clip.speaker, band] if last else known[clip.speaker, band].unchanged()

    heard = (
        _Heard(clip, band, voice, replace(spoken, voice=of(clip, band, voice, last)))
        for clip, last in progress(_lasts(ordered), "Evaluating", len(clips))
        for band, spoken in _over_bands(clip, bands, load, encode)
        for voice in voices
    )
    judged = []
    for together in _chunks(heard):
        scored = recognizer.score([one.spoken for one in together])
        judged += [
            Judged(one.clip, one.band, scores, one.voice)
            for one, scores in zip(together, scored, strict=True)
            if scores is not None
        ]
    return judged


def voices_for(recognizer: Recognizer) -> Sequence[Acquaintance]:
    """How a recognizer is to be judged: if it gets used to voices, of new and of known ones."""
    return ACQUAINTANCES if recognizer.adapts else NEW


def in_drawn_order(clips: Sequence[Clip]) -> list[Clip]:
    """Clips in an order that has nothing to do with their labels; those of one recording follow each other."""
    recordings: dict[Path | str, list[Clip]] = defaultdict(list)
    for clip in clips:
        recordings[clip.path or clip.id].append(clip)
    listed = list(recordings.values())
    return [clip for place in np.random.default_rng(_ORDER_SEED).permutation(len(listed)) for clip in listed[place]]


def _lasts(clips: Sequence[Clip]) -> Iterator[tuple[Clip, bool]]:
    """Each clip, and whether it is the last of its recording, if those of one follow each other."""
    for clip, after in zip_longest(clips, clips[1:]):
        yield clip, after is None or clip.path is None or clip.path != after.path


def report(recognizer: Answering, judged: Sequence[Judged], classifiers: Sequence[str] | None = None) -> dict[str, Any]:
    """Everything about a checkpoint's answers, as JSON has it.

    Args:
        recognizer: That judged.
        judged: What it answered.
        classifiers: Those that could answer, where a member could not for want of its encoder; all by default.

    Returns:
        `checkpoint`, `labels`, `classifiers` (for each that had something to judge: n, wa, ua, recall, confusion,
        ece; see `Metrics`), and `breakdown`: the same for each corpus, gender, language and band; texts without
        sound are of no band. All that is of known voices, where these were judged; `breakdown` then has `voice`, too,
        with the same for `known` and `new` ones, and `corpus_of_new_voices`.

    Raises:
        DataError: There is nothing to judge.
    """
    if not judged:
        raise DataError("There is nothing to evaluate: no clip has what the checkpoint's classifiers read.")
    classifiers = recognizer.classifiers if classifiers is None else classifiers
    main = as_listening(judged)
    breakdown = {what: _broken_down(main, value_of, classifiers) for what, value_of in _BREAKDOWNS.items()}
    if len(main) < len(judged):
        new = [one for one in judged if one.voice == "new"]
        breakdown[_VOICE] = _broken_down(judged, lambda one: one.voice, classifiers)
        breakdown[NEW_BY_CORPUS] = _broken_down(new, _BREAKDOWNS["corpus"], classifiers)
    return {
        "checkpoint": recognizer.name,
        "labels": list(LABELS),
        "classifiers": _as_json(by_classifier(main, classifiers)),
        "breakdown": breakdown,
    }


def as_listening(judged: Sequence[Judged]) -> Sequence[Judged]:
    """Those of known voices or, where there are none, all."""
    return [one for one in judged if one.voice == "known"] or judged


def _broken_down(
    judged: Sequence[Judged], value_of: Callable[[Judged], str | None], classifiers: Sequence[str]
) -> dict[str, Any]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        value = value_of(one)
        if value is not None:
            groups[value].append(one)
    return {value: _as_json(by_classifier(groups[value], classifiers)) for value in sorted(groups)}


def by_classifier(judged: Sequence[Judged], classifiers: Sequence[str]) -> dict[str, Metrics]:
    """Metrics of each classifier and of the ensemble.

    Clips without text count for the speech classifier only, and those without sound for the text classifier only:
    the ensemble is judged where every one of `classifiers` could answer.
    """
    found: dict[str, Metrics] = {}
    for name in (*classifiers, ENSEMBLE):
        answered = [
            (index(one.clip.label), shares)
            for one in judged
            if (shares := _shares(one.scores, name, len(classifiers))) is not None
        ]
        if answered:
            truth, shares = zip(*answered, strict=True)
            found[name] = measure(np.array(truth), np.array(shares, dtype=np.float32))
    return found


def _shares(scores: EmotionScores, name: str, classifiers: int) -> tuple[float, ...] | None:
    if name != ENSEMBLE:
        return scores.by_classifier.get(name)
    return scores.ensemble if len(scores.by_classifier) == classifiers else None


class _Heard(NamedTuple):
    clip: Clip
    band: Band
    voice: Acquaintance
    spoken: Spoken


def _chunks(heard: Iterable[_Heard]) -> Iterator[list[_Heard]]:
    """What is scored in one call, so that the recognizer has something to make batches of, within bounded memory."""
    chunk: list[_Heard] = []
    samples = 0
    for one in heard:
        chunk.append(one)
        samples += len(one.spoken.samples)
        if len(chunk) == _CHUNK_CLIPS or samples >= _CHUNK_SAMPLES:
            yield chunk
            chunk, samples = [], 0
    if chunk:
        yield chunk


def _over_bands(
    clip: Clip,
    bands: Sequence[Band],
    load: Callable[[Path], NDArray[np.float32]],
    encode: Callable[[NDArray[np.float32]], Encoding] | None,
) -> Iterable[tuple[Band, Spoken]]:
    if clip.path is None:
        yield "wide", Spoken(_NO_SOUND, clip.text)
        return
    sound = load(clip.path)
    for band in bands:
        carried = over(band, sound)
        encoding = None if encode is None else encode(trim(carried, _TRIMMING)[0])
        yield band, Spoken(carried, clip.text, encoding=encoding)


def over(band: Band, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sound as one of the `BANDS` carries it."""
    if band == "wide":
        return sound
    carried: NDArray[np.float32] = telephone_band(torch.from_numpy(sound)).numpy()
    return carried


def _as_json(metrics: Mapping[str, Metrics]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in metrics.items()}
