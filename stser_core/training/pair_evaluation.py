"""How a checkpoint answers where voice and words agree, and where one of them says nothing.

Open corpora have no sound and words that differ on purpose, so voices that were never heard are joined with texts that
were never read; what is right follows from how a pair was made (see `pairs`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stser_core.emotions import LABELS
from stser_core.training.evaluation import by_classifier, judge, voices_for
from stser_core.training.pairs import NEUTRAL

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from stser_core.encoding import Encoding
    from stser_core.recognizer import Recognizer
    from stser_core.training.clip import Clip

KINDS = ("agreeing", "text_neutral", "voice_neutral")
ALL = "all"


def judge_pairs(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    seed: int = 0,
    *,
    encode: Callable[[NDArray[np.float32]], Encoding] | None = None,
    classifiers: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Join clips that are voices with clips that are texts, and judge every classifier and the ensemble on them.

    A voice is known from its recordings before, each heard once, however many texts it is joined with.

    Args:
        recognizer: With the checkpoint.
        clips: Voices (the words that they have of their own are not used) and texts without sound.
        seed: Fixes which text goes with which voice.
        encode: See `evaluation.judge`.
        classifiers: Those that can answer, where a member cannot for want of its encoder; all by default.

    Returns:
        For each of `KINDS` that the labels allow, and for `ALL` together, the figures of each classifier; empty
        without voices or without texts. In each kind a classifier's figures are against the pair's right answer.
    """
    joined = pairs_of(clips, seed)
    everything = [clip for some in joined.values() for clip in some]
    if not everything:
        return {}
    judged = judge(recognizer, everything, voices=voices_for(recognizer)[-1:], encode=encode)
    classifiers = recognizer.classifiers if classifiers is None else classifiers
    parts = {kind: {clip.id for clip in some} for kind, some in joined.items()}
    parts[ALL] = {clip.id for clip in everything}
    return {
        kind: {
            name: asdict(one)
            for name, one in by_classifier([one for one in judged if one.clip.id in part], classifiers).items()
        }
        for kind, part in parts.items()
    }


def pair_report(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    answering: Sequence[str],
    encode: Callable[[NDArray[np.float32]], Encoding] | None = None,
) -> dict[str, Any]:
    """`pairs` of a report: how voices joined with texts are judged; nothing where the one or the other is missing.

    Args:
        recognizer: With the checkpoint.
        clips: Voices and texts.
        answering: Those that can answer; they must listen to both.
        encode: See `evaluation.judge`.
    """
    if not {"speech", "text"} <= set(answering):
        return {}
    figures = judge_pairs(recognizer, clips, encode=encode, classifiers=answering)
    return {"pairs": figures} if figures else {}


def pairs_of(clips: Sequence[Clip], seed: int = 0) -> dict[str, list[Clip]]:
    """Voices joined with texts, by kind; those of `KINDS` that the labels allow.

    Args:
        clips: Voices and texts without sound.
        seed: Fixes which text goes with which voice.
    """
    joined = {kind: list(_joined(kind, clips, np.random.default_rng(seed))) for kind in KINDS}
    return {kind: some for kind, some in joined.items() if some}


def _joined(kind: str, clips: Sequence[Clip], dice: Generator) -> Iterator[Clip]:
    """Each voice with a text of each label that the kind allows; the clip's label is then the right answer."""
    texts: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.path is None and clip.text:
            texts[clip.label].append(clip)
    for voice in (clip for clip in clips if clip.path is not None):
        for said in _said(kind, voice.label):
            if texts[said]:
                text = texts[said][int(dice.integers(len(texts[said])))]
                answer = said if kind == "voice_neutral" else voice.label
                yield replace(voice, id=f"{voice.id} {kind} {text.id}", text=text.text, label=answer)


def _said(kind: str, voice: str) -> tuple[str, ...]:
    """The labels of the words that a voice is joined with."""
    if kind == "agreeing":
        return (voice,)
    if kind == "text_neutral":
        return (NEUTRAL,) if voice != NEUTRAL else ()
    return tuple(label for label in LABELS if label != NEUTRAL) if voice == NEUTRAL else ()
