"""TF-IDF + logistic regression: what the words alone give away, without any pre-trained model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stser_core.emotions import LABELS
from stser_core.errors import MissingExtraError
from stser_core.text import normalise
from stser_core.training.baselines.usable import targets, usable
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.splits import Fold


@dataclass(frozen=True)
class Tfidf:
    """Words and pairs of neighbouring words of the normalised text, weighted by TF-IDF; labels balanced.

    Nothing is tuned and nothing is stopped early, so it learns from the fold's training *and* validation parts.
    """

    name: str = "TF-IDF + logistic regression"

    def answer(self, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """See `Baseline.answer`; neither sound nor cache is used."""
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import LogisticRegression
            from sklearn.pipeline import make_pipeline
        except ImportError as error:
            raise MissingExtraError(self.name, "baselines") from error
        clips = usable(fold, self.name, text=True)
        answers = np.zeros((len(clips.test), len(LABELS)), dtype=np.float32)
        if clips.test:
            learnt = clips.train + clips.validation
            regression = make_pipeline(
                # The text is normalised already: its words are what blanks separate, one-letter words included.
                TfidfVectorizer(ngram_range=(1, 2), lowercase=False, token_pattern=r"\S+"),
                LogisticRegression(class_weight="balanced", max_iter=1_000, random_state=seed),
            )
            regression.fit(_texts(learnt), targets(learnt))
            answers[:, regression.classes_] = regression.predict_proba(_texts(clips.test))
        return clips.answers(answers)


def _texts(clips: Sequence[Clip]) -> list[str]:
    return [normalise(clip.text or "") for clip in clips]
