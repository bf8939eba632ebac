"""The recognizer: utterances in, emotion scores out. What the monitor runs and what evaluation measures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from stser_core import checkpoint as checkpoints
from stser_core.audio import SAMPLE_RATE
from stser_core.errors import CheckpointError, DeviceError, UsageError
from stser_core.features import pad, trim
from stser_core.scores import CLASSIFIERS, ENSEMBLE, EmotionScores, Spoken
from stser_core.stser import SpeechBatch, StserOutput, TextBatch, ensemble, probabilities
from stser_core.text import normalise

CONFIDENCE_FLOOR = 0.35
"""A transcript that its recogniser trusts less than this is treated as none."""

UNKNOWN_SHARE = 0.5
"""A transcript of which more than this share of pieces is unknown is in a language the text model cannot read."""

_BATCH_LIMITS = {"cpu": (0.0, 1), "cuda": (240.0, 256), "mps": (60.0, 64)}
"""How many seconds of sound, padding included, and how many utterances one batch holds. A CPU gains nothing from
batches (a lone utterance already fills it), and alone, an utterance's scores are the same to the last bit whatever it
is scored with."""

_SALIENCE_STEP = SAMPLE_RATE // 10


class Recognizer:
    """Scores utterances with a checkpoint's classifiers.

    Attributes:
        name: The checkpoint's name.
        classifiers: Those that take part, in the order of `CLASSIFIERS`.
        accelerator: `cpu`, `cuda` or `mps`.
    """

    def __init__(
        self,
        loaded: checkpoints.Checkpoint,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
    ) -> None:
        """Prepare a loaded checkpoint.

        Args:
            loaded: The checkpoint.
            classifier: `ensemble` for all that it has, or names joined by `+`, such as `speech` or `speech+text`.
            accelerator: `auto`, `cpu`, `cuda` or `mps`.
            explain: Also give the salience of every utterance.

        Raises:
            UsageError: There is no such classifier or accelerator.
            CheckpointError: The checkpoint lacks a classifier that was asked for.
            DeviceError: The accelerator is not there.
        """
        self.name = loaded.name
        self.classifiers = _chosen(classifier, loaded)
        self.accelerator = _accelerator(accelerator)
        self._model = loaded.model.to(self.accelerator).eval()
        self._tokenizer = loaded.tokenizer
        self._explain = explain

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = checkpoints.DEFAULT,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
    ) -> Recognizer:
        """Load a checkpoint by folder, name or Hub id, and prepare it; see `__init__` and `checkpoint.load`."""
        return cls(checkpoints.load(checkpoint), classifier=classifier, accelerator=accelerator, explain=explain)

    @torch.inference_mode()
    def score(self, utterances: Sequence[Spoken]) -> list[EmotionScores | None]:
        """Score utterances, in batches of similar length.

        A classifier answers where it has what it needs: those that read text need a transcript that is not
        empty, that its recogniser trusts, and whose pieces the text model mostly knows.

        Args:
            utterances: Any number, of any lengths.

        Returns:
            One for each utterance, in the same order; `None` where none of the chosen classifiers could answer.
        """
        readable = self._readable(utterances)
        scores: list[EmotionScores | None] = [None] * len(utterances)
        for needs in product((False, True), repeat=2):
            chosen = [i for i, spoken in enumerate(utterances) if (len(spoken.samples) > 0, readable[i]) == needs]
            for batch in _batches(chosen, utterances, *_BATCH_LIMITS[self.accelerator]):
                for i, one in zip(batch, self._score(utterances, batch, *needs), strict=True):
                    scores[i] = one
        return scores

    def _readable(self, utterances: Sequence[Spoken]) -> list[bool]:
        if self._tokenizer is None or self.classifiers == ("speech",):
            return [False] * len(utterances)
        unknown = self._tokenizer([spoken.text or "" for spoken in utterances]).unknown if utterances else ()
        return [_trusted(spoken) and share <= UNKNOWN_SHARE for spoken, share in zip(utterances, unknown, strict=True)]

    def _score(
        self, utterances: Sequence[Spoken], batch: Sequence[int], with_sound: bool, with_text: bool
    ) -> list[EmotionScores | None]:
        trimmed = [trim(utterances[i].samples, self._model.settings.features) for i in batch]
        speech = text = None
        if with_sound and self._model.smodel is not None and self.classifiers != ("text",):
            samples, lengths = pad([one for one, _ in trimmed])
            speech = SpeechBatch(samples.to(self.accelerator), lengths.to(self.accelerator))
        if with_text and self._tokenizer is not None:
            encoded = self._tokenizer([utterances[i].text or "" for i in batch])
            text = TextBatch(encoded.pieces.to(self.accelerator), encoded.mask.to(self.accelerator))
        with self._precision():
            out = self._model(speech, text, salience=self._explain)
        offsets = [(cut, len(utterances[i].samples)) for i, (_, cut) in zip(batch, trimmed, strict=True)]
        return self._collect(out, offsets)

    def _collect(self, out: StserOutput, offsets: list[tuple[int, int]]) -> list[EmotionScores | None]:
        shares = probabilities(out.logits, self._model.settings.temperatures)
        answered = {name: shares[name].cpu() for name in self.classifiers if name in shares}
        if not answered:
            return [None] * len(offsets)
        mean = ensemble(answered.values())
        return [
            EmotionScores(
                {name: tuple(one[row].tolist()) for name, one in answered.items()},
                tuple(mean[row].tolist()),
                None if out.salience is None else self._salience(out.salience[row], *offsets[row]),
            )
            for row in range(len(offsets))
        ]

    def _salience(self, weights: Tensor, cut: int, length: int) -> tuple[float, ...]:
        """Attention over positions of the trimmed spectrogram, put onto the utterance's own 100 ms grid."""
        speech = self._model.settings.speech
        assert speech is not None
        step = self._model.logmel.hop
        for block in speech.blocks:
            step *= block.stride[1] * block.pool[1]
        grid = torch.zeros(max(1, -(-length // _SALIENCE_STEP)))
        where = (torch.arange(len(weights)) * step + step // 2 + cut) // _SALIENCE_STEP
        grid.index_add_(0, where.clamp_max(len(grid) - 1), weights.float().cpu())  # a batch's padding has no weight
        return tuple((grid / grid.sum()).tolist())

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.float16) if self.accelerator == "cuda" else nullcontext()


def _trusted(spoken: Spoken) -> bool:
    if not normalise(spoken.text or ""):
        return False
    return spoken.text_confidence is None or spoken.text_confidence >= CONFIDENCE_FLOOR


def _batches(chosen: Sequence[int], utterances: Sequence[Spoken], seconds: float, most: int) -> list[list[int]]:
    """Groups of at most `most` and of similar length; only a lone one may be longer than `seconds` with its padding."""
    groups: list[list[int]] = []
    longest = 0
    for i in sorted(chosen, key=lambda i: -len(utterances[i].samples)):
        full = not groups or len(groups[-1]) == most or longest * (len(groups[-1]) + 1) > seconds * SAMPLE_RATE
        if full:
            groups.append([])
            longest = len(utterances[i].samples)
        groups[-1].append(i)
    return groups


def _chosen(classifier: str, loaded: checkpoints.Checkpoint) -> tuple[str, ...]:
    present = loaded.model.settings.classifiers
    if classifier == ENSEMBLE:
        return tuple(name for name in CLASSIFIERS if name in present)
    asked = classifier.split("+")
    for name in asked:
        if name not in CLASSIFIERS:
            raise UsageError(
                f"There is no classifier {name!r}; there are {ENSEMBLE}, {', '.join(CLASSIFIERS)}, and several "
                "joined by +."
            )
        if name not in present:
            raise CheckpointError(
                f"The checkpoint {loaded.name!r} has no {name} classifier; it has {', '.join(present)}."
            )
    return tuple(name for name in CLASSIFIERS if name in asked)


def _accelerator(name: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if name not in there:
        raise UsageError(f"There is no accelerator {name!r}; there are auto, {', '.join(there)}.")
    if not there[name]:
        raise DeviceError(f"This machine has no {name} accelerator that torch can use; try --accelerator cpu.")
    return name
