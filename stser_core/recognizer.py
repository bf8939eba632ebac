"""The recognizer: utterances in, emotion scores out. What the monitor runs and what evaluation measures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stser_core import checkpoint as checkpoints
from stser_core.audio import SAMPLE_RATE
from stser_core.ensemble import Ensemble
from stser_core.errors import CheckpointError, DeviceError, UsageError
from stser_core.features import pad, trim
from stser_core.members import asking, kinds
from stser_core.members.member import Member
from stser_core.prior import Prior
from stser_core.score_batches import LIMITS, batches, by_length
from stser_core.scores import CLASSIFIERS, ENSEMBLE, EmotionScores, Spoken
from stser_core.stser import TextBatch, probabilities
from stser_core.trust import trusted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNKNOWN_SHARE = 0.5
"""A transcript of which more than this share of pieces is unknown is in a language the text model cannot read."""

_SALIENCE_STEP = SAMPLE_RATE // 10

_PAPERS = frozenset(CLASSIFIERS)
_HEARING = frozenset({"speech", "bimodal"})
_READING = frozenset({"text", "bimodal"})
_SPEECH = "speech"
_SMODEL = "smodel"


@dataclass
class _Answers:
    """What has been answered about one utterance so far."""

    speech_vector: Tensor | None = None
    text_vector: Tensor | None = None
    shares: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    salience: tuple[float, ...] | None = None


class Recognizer:
    """Scores utterances with a checkpoint's classifiers.

    Attributes:
        name: The checkpoint's name.
        classifiers: Those that take part: the paper's in the order of `CLASSIFIERS`, then the checkpoint's members.
        accelerator: `cpu`, `cuda` or `mps`.
        ensemble: How their answers become one.
    """

    def __init__(
        self,
        loaded: checkpoints.Checkpoint,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
        prior: Prior | None = None,
        adapt: bool = True,
    ) -> None:
        """Prepare a loaded checkpoint.

        Args:
            loaded: The checkpoint.
            classifier: `ensemble` for all that it has, or names joined by `+`, such as `speech` or `speech+whisper`.
            accelerator: `auto`, `cpu`, `cuda` or `mps`.
            explain: Also give the salience of every utterance.
            prior: How often emotions are expected; `None` for all alike, as in training.
            adapt: Whether to get used to voices, as far as they are given and the checkpoint was trained for it.

        Raises:
            UsageError: There is no such classifier or accelerator.
            CheckpointError: The checkpoint lacks a classifier that was asked for, or a member cannot be loaded.
            DeviceError: The accelerator is not there.
        """
        self.name = loaded.name
        self.classifiers = _chosen(classifier, loaded)
        self.accelerator = _accelerator(accelerator)
        # With the channels last, a CPU pools several times as fast (docs/performance.md); in training it does not pay.
        self._model = loaded.model.to(self.accelerator).to(memory_format=torch.channels_last).eval()
        self._tokenizer = loaded.tokenizer
        self._explain = explain
        self._prior = prior
        self._adapt = adapt
        self._members = _members(loaded, self.classifiers, self.accelerator)
        self._temperatures = {
            **loaded.model.settings.temperatures,
            **{one.name: one.temperature for one in loaded.roster.members},
        }
        self.ensemble = Ensemble(
            loaded.roster.weights,
            self._temperatures,
            loaded.roster.joining,
            (_SPEECH, *(member.name for member in self._members if not member.needs.text)),
        )

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = checkpoints.DEFAULT,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
        prior: Prior | None = None,
        adapt: bool = True,
    ) -> Recognizer:
        """Load a checkpoint by folder, name or Hub id, and prepare it; see `__init__` and `checkpoint.load`."""
        loaded = checkpoints.load(checkpoint)
        return cls(loaded, classifier=classifier, accelerator=accelerator, explain=explain, prior=prior, adapt=adapt)

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders outside the model whose output is read where it is given (`Spoken.encoding`)."""
        found = (member.needs.encoder for member in self._members)
        return tuple(dict.fromkeys(encoder for encoder in found if encoder is not None))

    @property
    def attends(self) -> bool:
        """Whether one of `classifiers` hears through the smodel, so that there is an attention to explain."""
        return not _HEARING.isdisjoint(self.classifiers)

    @property
    def adapts(self) -> bool:
        """Whether it gets used to voices, where they are given (`Spoken.voice`)."""
        hears = self._model.usual_voice is not None and self.attends
        return self._adapt and (hears or any(member.needs.voice for member in self._members))

    def answering(self, *, text: bool = True, encoders: Collection[str] = ()) -> tuple[str, ...]:
        """Those of `classifiers` that can answer to sound.

        Args:
            text: Whether there are words, too.
            encoders: The encoders whose output is there.
        """
        needs = {member.name: member.needs for member in self._members}
        return tuple(
            name
            for name in self.classifiers
            if (text or not (needs[name].text if name in needs else name in _READING))
            and (name not in needs or needs[name].encoder in {None, *encoders})
        )

    @torch.inference_mode()
    def score(self, utterances: Sequence[Spoken]) -> list[EmotionScores | None]:
        """Score utterances, in batches on a GPU.

        Those of one voice (`Spoken.voice`) are given in the order in which they were said, in one call or in several;
        the scores are the same.

        A classifier answers where it has what it needs: those that read text need a transcript that is not
        empty, that its recogniser trusts, and whose pieces the text model mostly knows; a member of the ensemble
        says itself what it needs.

        Args:
            utterances: Any number, of any lengths.

        Returns:
            One for each utterance, in the same order; `None` where none of the chosen classifiers could answer.

        Raises:
            CheckpointError: A member does not give what it should.
        """
        if not self._adapt:
            utterances = [replace(spoken, voice=None) for spoken in utterances]
        answers = [_Answers() for _ in utterances]
        if not _PAPERS.isdisjoint(self.classifiers):
            self._hear(utterances, answers)
            self._read(utterances, answers)
            self._classify(answers)
        for member in self._members:
            self._ask_member(member, utterances, answers)
        return [self._together(one) for one in answers]

    def _hear(self, utterances: Sequence[Spoken], answers: Sequence[_Answers]) -> None:
        """Speech vectors, without what each voice adds."""
        smodel = self._model.smodel
        if smodel is None or not self.attends:
            return
        chosen = [i for i, spoken in enumerate(utterances) if len(spoken.samples) > 0]
        for batch in batches(by_length(chosen, utterances), utterances, self.accelerator):
            trimmed = [trim(utterances[i].samples, self._model.settings.features) for i in batch]
            samples, lengths = pad([one for one, _ in trimmed])
            # In float32, whatever the network computes in: in half precision, quiet sound would be none.
            spectrograms = self._model.logmel(samples.to(self.accelerator), lengths.to(self.accelerator))
            with self._precision():
                hearing = smodel(*spectrograms, salience=self._explain)
            for row, (i, (_, cut)) in enumerate(zip(batch, trimmed, strict=True)):
                answers[i].speech_vector = hearing.vector[row].float()
                if hearing.salience is not None:
                    answers[i].salience = self._salience(hearing.salience[row], cut, len(utterances[i].samples))
        self._take_off_voices(utterances, answers)

    def _take_off_voices(self, utterances: Sequence[Spoken], answers: Sequence[_Answers]) -> None:
        usual = self._model.usual_voice
        if usual is None:
            return
        for spoken, answer in zip(utterances, answers, strict=True):  # in the order in which they were said
            if answer.speech_vector is not None and spoken.voice is not None:
                answer.speech_vector = spoken.voice.adapted(_SMODEL, answer.speech_vector, usual)

    def _read(self, utterances: Sequence[Spoken], answers: Sequence[_Answers]) -> None:
        tokenizer = self._tokenizer
        if self._model.tmodel is None or tokenizer is None or _READING.isdisjoint(self.classifiers):
            return
        chosen = [i for i, readable in enumerate(self._readable(utterances)) if readable]
        for batch in batches(by_length(chosen, utterances), utterances, self.accelerator):
            encoded = tokenizer([utterances[i].text or "" for i in batch])
            text = TextBatch(encoded.pieces.to(self.accelerator), encoded.mask.to(self.accelerator))
            with self._precision():
                vectors = self._model.read(text)
            assert vectors is not None
            for row, i in enumerate(batch):
                answers[i].text_vector = vectors[row].float()

    def _classify(self, answers: Sequence[_Answers]) -> None:
        for there in ((True, False), (False, True), (True, True)):
            chosen = [one for one in answers if (one.speech_vector is not None, one.text_vector is not None) == there]
            most = LIMITS[self.accelerator][1]
            for batch in (chosen[start : start + most] for start in range(0, len(chosen), most)):
                with self._precision():
                    logits = self._model.classify(
                        _stacked([one.speech_vector for one in batch]), _stacked([one.text_vector for one in batch])
                    )
                shares = probabilities(logits, self._temperatures)
                answered = {name: shares[name].cpu().numpy() for name in self.classifiers if name in shares}
                for row, one in enumerate(batch):
                    one.shares.update((name, each[row]) for name, each in answered.items())

    def _ask_member(self, member: Member, utterances: Sequence[Spoken], answers: Sequence[_Answers]) -> None:
        chosen = [i for i, spoken in enumerate(utterances) if asking.can_answer(member.needs, spoken)]
        for batch in batches(chosen, utterances, self.accelerator):
            heard = [asking.heard(member.needs, utterances[i], self._model.logmel) for i in batch]
            shares = probabilities({member.name: asking.logits(member, heard)}, self._temperatures)[member.name]
            for i, row in zip(batch, shares.numpy(), strict=True):
                answers[i].shares[member.name] = row

    def _readable(self, utterances: Sequence[Spoken]) -> list[bool]:
        if self._tokenizer is None or _READING.isdisjoint(self.classifiers):
            return [False] * len(utterances)
        unknown = self._tokenizer([spoken.text or "" for spoken in utterances]).unknown if utterances else ()
        return [trusted(spoken) and share <= UNKNOWN_SHARE for spoken, share in zip(utterances, unknown, strict=True)]

    def _together(self, answers: _Answers) -> EmotionScores | None:
        """All answers with the one that they make together, both moved to what is expected."""
        shares = answers.shares
        if not shares:
            return None
        together = self.ensemble.answer(shares)
        if self._prior is not None:
            shares = {name: self._prior.applied(one) for name, one in shares.items()}
            together = self._prior.applied(together)
        return EmotionScores(
            {name: tuple(one.tolist()) for name, one in shares.items()}, tuple(together.tolist()), answers.salience
        )

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


def _stacked(vectors: Sequence[Tensor | None]) -> Tensor | None:
    there = [vector for vector in vectors if vector is not None]
    return torch.stack(there) if there else None


def _chosen(classifier: str, loaded: checkpoints.Checkpoint) -> tuple[str, ...]:
    papers = loaded.model.settings.classifiers
    present = (*(name for name in CLASSIFIERS if name in papers), *loaded.roster.names)
    if classifier == ENSEMBLE:
        return present
    asked = classifier.split("+")
    for name in asked:
        if name not in CLASSIFIERS and name not in present:
            known = ", ".join((ENSEMBLE, *CLASSIFIERS, *loaded.roster.names))
            raise UsageError(f"There is no classifier {name!r}; there are {known}, and several joined by +.")
        if name not in present:
            raise CheckpointError(
                f"The checkpoint {loaded.name!r} has no {name} classifier; it has {', '.join(present)}."
            )
    return tuple(name for name in present if name in asked)


def _members(loaded: checkpoints.Checkpoint, chosen: Sequence[str], accelerator: str) -> tuple[Member, ...]:
    """The members that were chosen; one that nobody asks is not loaded, and its package need not be there."""
    if loaded.folder is None:
        return ()
    members = tuple(kinds.load(one, loaded.folder) for one in loaded.roster.members if one.name in chosen)
    for member in members:
        member.to(accelerator)
    return members


def _accelerator(name: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if name not in there:
        raise UsageError(f"There is no accelerator {name!r}; there are auto, {', '.join(there)}.")
    if not there[name]:
        raise DeviceError(f"This machine has no {name} accelerator that torch can use; try --accelerator cpu.")
    return name
