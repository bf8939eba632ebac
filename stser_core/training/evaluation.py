"""How good a checkpoint is, judged through the same recognizer that the monitor runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

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


@dataclass(frozen=True)
class Judged:
    """A clip with its scores, as heard over one band."""

    clip: Clip
    band: Band
    scores: EmotionScores


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
    load: Callable[[Path], NDArray[np.float32]] = load_mono,
    encode: Callable[[NDArray[np.float32]], Encoding] | None = None,
) -> list[Judged]:
    """Score clips; those that none of the recognizer's classifiers can answer are left out.

    Args:
        recognizer: With the checkpoint and the classifiers to judge.
        clips: With sound, text or both.
        bands: `wide` as recorded, `telephone` as the line would carry it.
        load: Gives a recording's samples.
        encode: Gives what an encoder outside the model makes of sound, for the members that read it; it hears the
            utterance without the silence around it.

    Raises:
        AudioError: A recording cannot be decoded.
    """
    heard = (
        (clip, band, spoken)
        for clip in progress(clips, "Evaluating", len(clips))
        for band, spoken in _heard(clip, bands, load, encode)
    )
    judged = []
    for together in _chunks(heard):
        scored = recognizer.score([spoken for _, _, spoken in together])
        judged += [
            Judged(clip, band, scores)
            for (clip, band, _), scores in zip(together, scored, strict=True)
            if scores is not None
        ]
    return judged


def report(recognizer: Answering, judged: Sequence[Judged], classifiers: Sequence[str] | None = None) -> dict[str, Any]:
    """Everything about a checkpoint's answers, as JSON has it.

    Args:
        recognizer: That judged.
        judged: What it answered.
        classifiers: Those that could answer, where a member could not for want of its encoder; all by default.

    Returns:
        `checkpoint`, `labels`, `classifiers` (for each that had something to judge: n, wa, ua, recall, confusion,
        ece; see `Metrics`), and `breakdown`: the same for each corpus, gender, language and band; texts without
        sound are of no band.

    Raises:
        DataError: There is nothing to judge.
    """
    if not judged:
        raise DataError("There is nothing to evaluate: no clip has what the checkpoint's classifiers read.")
    classifiers = recognizer.classifiers if classifiers is None else classifiers
    breakdown: dict[str, dict[str, Any]] = {}
    for what, value_of in _BREAKDOWNS.items():
        groups: dict[str, list[Judged]] = defaultdict(list)
        for one in judged:
            value = value_of(one)
            if value is not None:
                groups[value].append(one)
        breakdown[what] = {value: _as_json(by_classifier(groups[value], classifiers)) for value in sorted(groups)}
    return {
        "checkpoint": recognizer.name,
        "labels": list(LABELS),
        "classifiers": _as_json(by_classifier(judged, classifiers)),
        "breakdown": breakdown,
    }


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


def _chunks(heard: Iterable[tuple[Clip, Band, Spoken]]) -> Iterator[list[tuple[Clip, Band, Spoken]]]:
    """What is scored in one call, so that the recognizer has something to make batches of, within bounded memory."""
    chunk: list[tuple[Clip, Band, Spoken]] = []
    samples = 0
    for one in heard:
        chunk.append(one)
        samples += len(one[2].samples)
        if len(chunk) == _CHUNK_CLIPS or samples >= _CHUNK_SAMPLES:
            yield chunk
            chunk, samples = [], 0
    if chunk:
        yield chunk


def _heard(
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
