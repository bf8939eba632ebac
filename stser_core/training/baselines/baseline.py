"""Baselines: their protocol, and two without any pretrained model that are hard to beat on small corpora.

The extended Geneva minimalistic acoustic parameter set, as openSMILE computes it, has 88 functionals of pitch,
loudness, spectrum and voicing over an utterance (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417); in the
version eGeMAPSv02.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stser_core.config import SAMPLE_RATE, SHORTEST
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.tokenizer import normalise
from stser_core.training.caches import ArrayStore, SoundCache
from stser_core.training.clip import Clip
from stser_core.training.output import progress
from stser_core.training.splits import Fold

LOUDNESS = 0.05
"""Root mean square to which every clip is scaled (−26 dBFS, where speech seldom clips): the distance to the
microphone distinguishes corpora, not emotions."""

_SET = "eGeMAPSv02"
_THREADS = 4
_PROSODY = ("F0semitone", "loudness", "VoicedSegments", "MeanVoiced", "StddevVoiced", "MeanUnvoiced", "StddevUnvoiced")


class Usable(NamedTuple):
    """The clips of a fold that have what a baseline reads: to train on, of two labels or more; the rest may be none."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


class Baseline(Protocol):
    """Learns from a fold's training part and answers its test part."""

    @property
    def name(self) -> str:
        """As the table prints it."""

    @property
    def reads(self) -> Sequence[str]:
        """What a clip must have: `sound`, `text` or both."""

    def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """Train, and answer every test clip, of which there is one at least; features may be kept in the cache.

        Returns float32 [test clips, labels] in the order of `LABELS`: probabilities, or 1 for what was decided on.
        """


def usable(fold: Fold, baseline: Baseline, sounds: SoundCache) -> Usable:
    """Choose the clips that have what a baseline reads; raises `DataError` where fewer than two labels are left."""

    def fits(clip: Clip) -> bool:
        sounding = "sound" not in baseline.reads or sounds.length(clip) > 0
        return sounding and ("text" not in baseline.reads or bool(normalise(clip.text or "")))

    chosen = Usable(*(tuple(filter(fits, part)) for part in (fold.train, fold.validation, fold.test)))
    found = sorted({clip.label for clip in chosen.train})
    if len(found) < 2:
        some = f"all {len(chosen.train):,} of them are {found[0]}" if found else f"none of {len(fold.train):,} has that"
        raise DataError(
            f"{baseline.name} cannot be trained in fold {fold.name}: it learns from clips with "
            f"{' and '.join(baseline.reads)}, and {some}; add data, or leave this baseline out."
        )
    return chosen


def targets(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Each clip's label: int64 [clips], indices into `LABELS`."""
    return np.array([LABELS.index(clip.label) for clip in clips], dtype=np.int64)


@dataclass(frozen=True)
class Egemaps:
    """88 functionals, standardised, and a support vector machine with a radial kernel, C = 1, labels balanced.

    Nothing is tuned and nothing is stopped early, so it learns from the fold's training *and* validation parts. Its
    answers are decisions, not probabilities. It reads the trimmed sound, as the model does.
    """

    name: str = "eGeMAPS + SVM"
    reads: ClassVar = ("sound",)

    def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`; nothing here is drawn, so the seed changes nothing."""
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        learnt = clips.train + clips.validation
        machine = make_pipeline(StandardScaler(), SVC(C=1.0, kernel="rbf", class_weight="balanced"))
        machine.fit(functionals(learnt, sounds, cache), targets(learnt))
        decided: NDArray[np.int64] = machine.predict(functionals(clips.test, sounds, cache))
        return np.eye(len(LABELS), dtype=np.float32)[decided]


def functionals(clips: Sequence[Clip], sounds: SoundCache, cache: Path) -> NDArray[np.float32]:
    """The functionals of clips at the same loudness, float32 [clips, 88]; the cache keeps them by the sound."""
    smile, store = _extractor(), ArrayStore(cache, "egemaps", _SET, LOUDNESS)

    def row(clip: Clip) -> NDArray[np.float32]:
        samples = sounds.samples(clip)
        key = hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest()
        if not store.has(key):
            store.save(key, smile(_levelled(samples), SAMPLE_RATE).reshape(-1).astype(np.float32))
        return store.load(key)

    with ThreadPoolExecutor(_THREADS) as pool:
        rows = list(progress(pool.map(row, clips), "eGeMAPS", len(clips)))
    return np.stack(rows) if rows else np.zeros((0, smile.num_features), dtype=np.float32)


def prosody_columns() -> list[int]:
    """Names of the functionals of pitch, loudness and voicing: 26 of the 88."""
    return [column for column, name in enumerate(_extractor().feature_names) if name.startswith(_PROSODY)]


def _extractor() -> Any:  # noqa: ANN401 (openSMILE has no types)
    from opensmile import FeatureLevel, FeatureSet, Smile

    return Smile(feature_set=FeatureSet[_SET], feature_level=FeatureLevel.Functionals)


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sound at the common loudness, and at least 0.1 s of it: openSMILE says nothing of less."""
    loudness = float(np.sqrt(np.square(samples).mean()))
    level = samples * np.float32(LOUDNESS / loudness) if loudness > 0 else samples
    level = np.pad(level, (0, max(0, SHORTEST - len(level))))
    return np.clip(level, -1.0, 1.0 - 1 / 32_768)  # openSMILE reads 16 bits, which would wrap around


@dataclass(frozen=True)
class Tfidf:
    """Words and pairs of neighbouring words of the normalised text, weighted by TF-IDF; labels balanced.

    Nothing is tuned and nothing is stopped early, so it learns from the fold's training *and* validation parts.
    """

    name: str = "TF-IDF + logistic regression"
    reads: ClassVar = ("text",)

    def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`; neither sound nor cache is used."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        learnt = clips.train + clips.validation
        regression = make_pipeline(
            # The text is normalised already: its words are what blanks separate, one-letter words included.
            TfidfVectorizer(ngram_range=(1, 2), lowercase=False, token_pattern=r"\S+"),
            LogisticRegression(class_weight="balanced", max_iter=1_000, random_state=seed),
        )
        regression.fit(_texts(learnt), targets(learnt))
        answers = np.zeros((len(clips.test), len(LABELS)), dtype=np.float32)
        answers[:, regression.classes_] = regression.predict_proba(_texts(clips.test))
        return answers


def _texts(clips: Sequence[Clip]) -> list[str]:
    return [normalise(clip.text or "") for clip in clips]
