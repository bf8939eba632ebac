"""Unpaired data: speech clips and texts joined on the fly, so that the fusion learns how far to trust each side.

Open corpora have either acted speech with fixed sentences or texts without sound. A clip is therefore joined with
a text drawn at random, in a stated mixture of five kinds, each with what the bimodal classifier should answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from stser_core import bounds
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip

if TYPE_CHECKING:
    from numpy.random import Generator

PairKind = Literal["agreeing", "text_neutral", "text_garbled", "text_empty", "voice_neutral"]

NEUTRAL = "neutral"


@dataclass(frozen=True)
class PairMixture:
    """Shares of the kinds of pairs; they need not sum to one.

    Attributes:
        agreeing: Voice and words carry the same emotion: that is the answer.
        text_neutral: The words are neutral: the voice is the answer.
        text_garbled: The words are a random draw of pieces of sentences, as of a lost recogniser: the voice is
            the answer, and the text classifier learns nothing from it.
        text_empty: No words: only the speech classifier is trained.
        voice_neutral: A neutral voice says words that carry an emotion: the words are the answer.

    Raises:
        UsageError: A share is below 0.
    """

    agreeing: float = 0.4
    text_neutral: float = 0.25
    text_garbled: float = 0.05
    text_empty: float = 0.05
    voice_neutral: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            bounds.check(f"pairs.{field.name}", getattr(self, field.name), 0)


@dataclass(frozen=True)
class Example:
    """What the three classifiers see of one draw, and what each should answer.

    Attributes:
        clip: The sound, or a text alone where its `path` is `None`.
        text: The words, or `None`.
        speech_label: `None` where the speech classifier has nothing to learn from it; and so on.
        text_label: See `speech_label`.
        bimodal_label: See `speech_label`.
        kind: How the pair was made; `None` for a clip as its corpus has it.
    """

    clip: Clip
    text: str | None
    speech_label: str | None
    text_label: str | None
    bimodal_label: str | None
    kind: PairKind | None = None


def as_recorded(clip: Clip) -> Example:
    """A clip as its corpus has it: one label for all classifiers that have something to judge."""
    sound, text = clip.path is not None, bool(clip.text)
    return Example(
        clip,
        clip.text or None,
        clip.label if sound else None,
        clip.label if text else None,
        clip.label if sound and text else None,
    )


class Pairing:
    """Joins a clip with a text."""

    def __init__(self, texts: Sequence[Clip], mixture: PairMixture, labels: Collection[str] = LABELS) -> None:
        """Prepare the texts.

        Args:
            texts: Clips with text; their sound, if any, is not used.
            mixture: How often each kind of pair is made.
            labels: Of the clips that are going to be joined.

        Raises:
            DataError: A label lacks the texts, or a voice the kinds of pairs, that the mixture needs.
        """
        self._texts: dict[str, list[str]] = defaultdict(list)
        for clip in texts:
            if clip.text:
                self._texts[clip.label].append(clip.text)
        self._emotional = sorted(label for label in self._texts if label != NEUTRAL)
        self._shares = {label: _shares(mixture, label) for label in labels}
        for label in sorted(labels):
            self._check(label)

    def join(self, clip: Clip, dice: Generator) -> Example:
        """Draw a kind and a text for a clip.

        A neutral voice makes agreeing or voice-neutral pairs, an emotional one agreeing or text-neutral ones: each
        clip's own label says which kinds it can be part of, and their shares are kept among those. Emotional words
        are drawn among the emotions that have texts.
        """
        label = clip.label
        kind = self._kind(label, dice)
        if kind == "text_empty":
            return Example(clip, None, label, None, None, kind)
        if kind == "text_garbled":
            return Example(clip, self._garbled(dice), label, None, label, kind)
        if kind == "voice_neutral":
            said = str(dice.choice(self._emotional))
            return Example(clip, self._draw(said, dice), label, said, said, kind)
        said = label if kind == "agreeing" else NEUTRAL
        return Example(clip, self._draw(said, dice), label, said, label, kind)

    def _check(self, label: str) -> None:
        kinds = self._shares[label]
        if not kinds:
            raise DataError(f"The pair mixture leaves no kind of pair for voices labelled {label}; give one a share.")
        wanted = {"agreeing": label, "text_neutral": NEUTRAL}
        for kind, said in wanted.items():
            if kind in kinds and said not in self._texts:
                raise DataError(f"No text is labelled {said}, as {kind} pairs need; add some, or set their share to 0.")
        if "voice_neutral" in kinds and not self._emotional:
            raise DataError("No text is labelled with an emotion, as voice_neutral pairs need; add some.")
        if "text_garbled" in kinds and not self._texts:
            raise DataError("There are no texts to draw garbled words from; add some.")

    def _kind(self, label: str, dice: Generator) -> PairKind:
        shares = self._shares[label]
        at = dice.random() * sum(shares.values())
        for kind, share in shares.items():
            at -= share
            if at < 0:
                return kind
        return next(reversed(shares))  # the dice fell onto the very end

    def _draw(self, label: str, dice: Generator) -> str:
        texts = self._texts[label]
        return texts[int(dice.integers(len(texts)))]

    def _garbled(self, dice: Generator) -> str:
        words = [word for label in sorted(self._texts) for word in self._draw(label, dice).split()]
        dice.shuffle(words)
        return " ".join(words[: max(1, int(dice.integers(1, 9)))])


def _shares(mixture: PairMixture, label: str) -> dict[PairKind, float]:
    """The shares of the kinds that a voice can be part of, without those that have none.

    An emotional voice can be told from neutral words, a neutral voice cannot be told from emotional words by itself:
    the two kinds of disagreement each belong to one kind of clip.
    """
    shares: dict[PairKind, float] = {
        "agreeing": mixture.agreeing,
        "text_garbled": mixture.text_garbled,
        "text_empty": mixture.text_empty,
    }
    if label == NEUTRAL:
        shares["voice_neutral"] = mixture.voice_neutral
    else:
        shares["text_neutral"] = mixture.text_neutral
    return {kind: share for kind, share in shares.items() if share > 0}
