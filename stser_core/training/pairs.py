"""Pairs of speech and text, drawn on the fly, so that the bimodal classifier learns to weigh both.

Open corpora have either acted speech with fixed sentences or texts without sound. A clip is therefore paired with
a text drawn at random, in a stated mixture of five kinds, each with the target of the bimodal classifier.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from stser_core.config import TEXT, Amount, Settings
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip

PairKind = Literal["agreeing", "neutral_text", "garbled_text", "empty_text", "neutral_speech"]

Labels = tuple[str | None, str | None, str | None]
"""For classifiers of speech alone, of text alone, and of both; `None` where they learn nothing from it."""

NEUTRAL = "neutral"
EMOTIONS = tuple(label for label in LABELS if label != NEUTRAL)


class PairMixture(Settings, frozen=True):
    """Proportions of the kinds of pairs; they need not sum to one."""

    agreeing: Amount = 0.4  # speech and words carry the same emotion, which is the target
    neutral_text: Amount = 0.25  # the words are neutral: the speech's emotion is the target
    # pieces of sentences, as of a failing transcriber: the speech's; nothing for the text classifier
    garbled_text: Amount = 0.05
    empty_text: Amount = 0.05  # no words: only the speech classifier is trained
    neutral_speech: Amount = 0.25  # neutral speech says words that carry an emotion: the words' emotion is the target


@dataclass(frozen=True)
class Example:
    """A clip with words, and the labels of the classifiers."""

    clip: Clip  # the sound, or a text alone where its path is None
    text: str | None  # the words
    labels: Labels
    kind: PairKind | None = None  # how the pair was made; None for a clip as its corpus has it


def column_of(inputs: Sequence[str]) -> int:
    """The place in `Labels` of what a classifier of these encoders should predict; further encoders are speech."""
    return 2 if TEXT in inputs and len(inputs) > 1 else int(TEXT in inputs)


def column_of_all(columns: Collection[int]) -> int:
    """The place in `Labels` of what several classifiers should predict together."""
    return next(iter(columns)) if len(set(columns)) == 1 else 2


Words = Callable[[Clip, Generator], Example]
"""Gives a clip its words: `as_recorded` those of its corpus, `Pairing.pair` others."""


def as_recorded(clip: Clip, _: Generator | None = None) -> Example:
    """A clip as its corpus has it: one label for all classifiers that have their input."""
    speech = clip.label if clip.path is not None else None
    text = clip.label if clip.text else None
    return Example(clip, clip.text or None, (speech, text, speech and text))


class Pairing:
    """Draws a text for a clip."""

    def __init__(
        self, texts: Sequence[Clip], mixture: PairMixture, labels: Collection[str] = LABELS, service: float = 0.0
    ) -> None:
        """Prepare the texts; raises `DataError` where some are missing to pair clips of these labels with."""
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._service = [clip.text for clip in texts if clip.weak and clip.text]
        self._service_proportion = service if self._service else 0.0
        for clip in texts:
            if clip.text and not clip.weak:
                self._texts[clip.label].append(clip.text)
        if self._service and NEUTRAL not in self._texts:
            self._texts[NEUTRAL] = self._service
        self._emotional = sorted(label for label in self._texts if label != NEUTRAL)
        self._kinds = {label: self._kinds_of(label, mixture) for label in sorted(labels)}

    def pair(self, clip: Clip, rng: Generator) -> Example:
        """Draw a kind and a text for a clip.

        A clip's own label says which kinds it can be part of, and their proportions are kept among those. Emotional
        words are drawn among the emotions that have texts.
        """
        label, kinds = clip.label, self._kinds[clip.label]
        proportions = np.array(list(kinds.values()))
        kind = list(kinds)[int(rng.choice(len(kinds), p=proportions / proportions.sum()))]
        if kind == "empty_text":
            return Example(clip, None, (label, None, None), kind)
        if kind == "garbled_text":
            words = [word for label in sorted(self._texts) for word in self._draw(label, rng).split()]
            rng.shuffle(words)
            return Example(clip, " ".join(words[: int(rng.integers(1, 9))]), (label, None, label), kind)
        said = {"agreeing": label, "neutral_text": NEUTRAL}.get(kind) or str(rng.choice(self._emotional))
        both = said if kind == "neutral_speech" else label
        return Example(clip, self._draw(said, rng), (label, said, both), kind)

    def _kinds_of(self, label: str, mixture: PairMixture) -> dict[PairKind, float]:
        """The kinds of pairs that a clip of this label can be part of, with their proportions."""
        own: PairKind = "neutral_speech" if label == NEUTRAL else "neutral_text"
        every: tuple[PairKind, ...] = ("agreeing", "garbled_text", "empty_text", own)
        kinds = {kind: getattr(mixture, kind) for kind in every if getattr(mixture, kind) > 0}
        if not kinds:
            raise DataError(f"The pair mixture has no kind of pair for clips labelled {label}; raise a proportion.")
        for kind, said in (("agreeing", label), ("neutral_text", NEUTRAL)):
            if kind in kinds and said not in self._texts:
                raise DataError(f"No text is labelled {said}, as {kind} pairs need; add some, or set that to 0.")
        if "neutral_speech" in kinds and not self._emotional:
            raise DataError("No text is labelled with an emotion, as neutral_speech pairs need; add some.")
        if "garbled_text" in kinds and not self._texts:
            raise DataError("No texts are given to draw garbled words from; add some.")
        return kinds

    def _draw(self, label: str, rng: Generator) -> str:
        texts = self._texts[label]
        if label == NEUTRAL and rng.random() < self._service_proportion:
            texts = self._service
        return texts[int(rng.integers(len(texts)))]
