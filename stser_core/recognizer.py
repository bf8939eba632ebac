"""The emotion recognizer: utterances in, emotion scores out. What the monitor runs and what evaluation measures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from stser_core import checkpoint as checkpoints
from stser_core import encoders
from stser_core.batches import accelerator_of, batches
from stser_core.config import SAMPLE_RATE, SPEECH, TEXT
from stser_core.emotions import LABELS
from stser_core.ensemble import apply_prior, calibrated, combination, combine
from stser_core.errors import CheckpointError, UsageError
from stser_core.features import pad_frames, trim
from stser_core.scores import CLASSIFIERS, ENSEMBLE, EmotionScores, SpeechInput
from stser_core.text import is_usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.ensemble import Prior

UNKNOWN_LIMIT = 0.5
"""A transcript with a larger proportion of unknown pieces is in a language that the text encoder cannot read."""

_SALIENCE_STEP = SAMPLE_RATE // 10
_NEUTRAL = LABELS.index("neutral")

_Vectors = dict[str, Tensor]


class EmotionRecognizer:
    """Scores utterances with a checkpoint's classifiers.

    Attributes:
        name: The checkpoint's name.
        classifiers: Those that take part: the paper's in the order of `CLASSIFIERS`, then further ones.
        accelerator: `cpu`, `cuda` or `mps`.
        prior: The class prior that is applied, in the order of `LABELS`; `None` for none.
        uses_speaker_baseline: Whether frames are normalised by a running baseline, where one is given.
    """

    def __init__(
        self,
        loaded: checkpoints.Checkpoint,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
        prior: Prior | Literal["checkpoint"] | None = "checkpoint",
        speaker_baseline: bool = True,
    ) -> None:
        """Prepare a loaded checkpoint.

        Args:
            loaded: The checkpoint.
            classifier: `ensemble` for all that it has, or names joined with `+`, such as `speech` or `speech+text`.
            accelerator: `auto`, `cpu`, `cuda` or `mps`.
            explain: Also give the salience of every utterance.
            prior: How often each emotion is expected, in the order of `LABELS`; `checkpoint` for the checkpoint's
                prior of calls, `None` for evenly, as in training.
            speaker_baseline: Whether to normalise by speaker, where utterances have one and the checkpoint can.

        Raises:
            UsageError: The classifier or accelerator is unknown.
            CheckpointError: The checkpoint lacks a classifier that was asked for, or an encoder cannot be loaded.
            DeviceError: The accelerator is not there.
        """
        config = loaded.model.config
        self.name = loaded.name
        self.classifiers = _chosen(classifier, loaded)
        self.accelerator = accelerator_of(accelerator)
        self.prior = config.ensemble.class_prior if prior == "checkpoint" else prior
        self._config = config
        inputs = {name: config.classifiers[name].inputs for name in self.classifiers}
        self._inputs = {encoder for names in inputs.values() for encoder in names}
        self.uses_speaker_baseline = speaker_baseline and config.speaker_baseline is not None and self.attends
        # With the channels last, a CPU pools several times as fast (docs/performance.md); in training it does not pay.
        model = loaded.model.to(self.accelerator).to(memory_format=torch.channels_last).eval()
        self._model = model.for_inference()
        self._tokenizer = loaded.tokenizer
        self._explain = explain
        self._further = [loaded.encoder(name) for name in config.encoders if name in self._inputs]
        for encoder in self._further:
            encoder.to(self.accelerator)

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = checkpoints.DEFAULT,
        *,
        classifier: str = ENSEMBLE,
        accelerator: str = "auto",
        explain: bool = False,
        prior: Prior | Literal["checkpoint"] | None = "checkpoint",
        speaker_baseline: bool = True,
    ) -> EmotionRecognizer:
        """Load a checkpoint by folder, name or Hub id, and prepare it; see `__init__` and `checkpoint.load`."""
        return cls(
            checkpoints.load(checkpoint, accelerator=accelerator_of(accelerator)),
            classifier=classifier,
            accelerator=accelerator,
            explain=explain,
            prior=prior,
            speaker_baseline=speaker_baseline,
        )

    @property
    def attends(self) -> bool:
        """Whether the smodel is used, so that there is an attention to explain."""
        return SPEECH in self._inputs

    @property
    def needs_text(self) -> bool:
        """Whether one of the classifiers reads transcripts."""
        return TEXT in self._inputs

    def answering(self, *, text: bool) -> tuple[str, ...]:
        """Those of `classifiers` that can answer where there is sound, with or without a transcript."""
        return tuple(name for name in self.classifiers if text or TEXT not in self._config.classifiers[name].inputs)

    def is_calibrated(self, classifiers: Sequence[str]) -> bool:
        """Whether the checkpoint has a temperature for this combination of classifiers."""
        return combination(classifiers) in self._config.ensemble.temperatures

    @torch.inference_mode()
    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score utterances, in batches on a GPU.

        Those of one speaker (`SpeechInput.speaker`) are given in the order in which they were said, in one call or in
        several; the scores are the same. A transcript that is empty, of low confidence, or in a foreign language is
        not read; then the classifiers that read text do not answer. On digital silence none answers from the sound.

        Args:
            inputs: Any number, of any lengths.

        Returns:
            One for each utterance, in the same order; `None` where none of the classifiers could answer.

        Raises:
            CheckpointError: A further encoder does not give what it should.
        """
        vectors: list[_Vectors] = [{} for _ in inputs]
        saliences: list[tuple[float, ...] | None] = [None] * len(inputs)
        self._encode_text(inputs, vectors)
        if self.attends:
            self._encode_speech(inputs, vectors, saliences)
        probabilities: list[dict[str, NDArray[np.floating]]] = [{} for _ in inputs]
        for available in {tuple(one): None for one in vectors if one}:
            chosen = [i for i, one in enumerate(vectors) if tuple(one) == available]
            for batch in batches(chosen, self.accelerator):
                logits = self._classify([vectors[i] for i in batch])
                for name in (name for name in self.classifiers if name in logits):
                    for i, row in zip(batch, logits[name], strict=True):
                        probabilities[i][name] = row
        return [self._scores(*one) for one in zip(probabilities, saliences, strict=True)]

    @torch.inference_mode()
    def frames(self, waveforms: Sequence[NDArray[np.float32]]) -> list[Tensor]:
        """Frames that `SpeechInput.frames` takes, to be cached.

        Args:
            waveforms: float32 [n] in −1…1, 16 kHz, each.

        Returns:
            float32 [frames, size] each, on the CPU.
        """
        found = self._frames([trim(one, self._config.features)[0] for one in waveforms])
        return [one.cpu() for one in found]

    def _encode_text(self, inputs: Sequence[SpeechInput], vectors: Sequence[_Vectors]) -> None:
        """The text vectors of transcripts that are readable, and the vectors of further encoders."""
        readable = [i for i, one in enumerate(inputs) if is_usable(one.text, one.text_confidence)]
        if self._tokenizer is not None and readable:
            encoded = self._tokenizer([inputs[i].text or "" for i in readable])
            known = [row for row, unknown in enumerate(encoded.unknown) if unknown <= UNKNOWN_LIMIT]
            lengths = encoded.mask.sum(1)
            for rows in batches(known if self.needs_text else (), self.accelerator):
                longest = int(lengths[rows].max())
                pieces, mask = (one[rows, :longest].to(self.accelerator) for one in (encoded.pieces, encoded.mask))
                with self._precision():
                    encodings = self._model.encode_text(pieces, mask)
                for row, vector in zip(rows, encodings.float(), strict=True):
                    vectors[readable[row]][TEXT] = vector
            readable = [readable[row] for row in known]
        for encoder in self._further if inputs else ():
            given = [
                one if i in readable else SpeechInput(one.samples, speaker=one.speaker, frames=one.frames)
                for i, one in enumerate(inputs)
            ]
            for one, found in zip(vectors, encoders.encode(encoder, given), strict=True):
                if found is not None:
                    one[encoder.name] = found.float().to(self.accelerator)

    def _encode_speech(
        self,
        inputs: Sequence[SpeechInput],
        vectors: Sequence[_Vectors],
        saliences: list[tuple[float, ...] | None],
    ) -> None:
        trimmed = [trim(one.samples, self._config.features) for one in inputs]
        unknown = [i for i, one in enumerate(inputs) if one.frames is None and one.samples.any()]
        frames = {i: one.frames.to(self.accelerator).float() for i, one in enumerate(inputs) if one.frames is not None}
        frames |= zip(unknown, self._frames([trimmed[i][0] for i in unknown]), strict=True)
        alone = [i for i in sorted(frames) if self.uses_speaker_baseline and inputs[i].speaker is not None]
        together = sorted(frames.keys() - set(alone), key=lambda i: -len(frames[i]))
        step = self._config.frame_samples
        for batch in (*batches(together, self.accelerator, lambda i: len(frames[i]) * step), *([i] for i in alone)):
            stacked, counts = pad_frames([frames[i] for i in batch])
            speaker = inputs[batch[0]].speaker if self.uses_speaker_baseline else None
            settings = self._config.speaker_baseline
            baseline = None
            if speaker is not None and settings is not None:
                baseline = speaker.mean(self._model.neutral_mean, settings.pseudo_turns)[None]
            with self._precision():
                encoding = self._model.encode_speech(stacked, counts, baseline, salience=self._explain)
            for row, i in enumerate(batch):
                vectors[i][SPEECH] = encoding.vector[row].float()
                if encoding.salience is not None:
                    cut = 0 if inputs[i].frames is not None else trimmed[i][1]
                    length = len(inputs[i].samples) or len(frames[i]) * step
                    saliences[i] = self._salience(encoding.salience[row], cut, length)
            if speaker is not None and settings is not None:
                p_neutral = self._p_neutral({SPEECH: vectors[batch[0]][SPEECH]})
                # Squared, since a doubtful turn in a long emotional stretch would move the baseline towards it.
                speaker.update(stacked[0].mean(0), p_neutral**2, settings.memory)

    def _frames(self, trimmed: Sequence[NDArray[np.float32]]) -> list[Tensor]:
        with self._precision():
            return self._model.frames_of(trimmed)

    def _classify(self, vectors: Sequence[_Vectors]) -> dict[str, NDArray[np.floating]]:
        """Calibrated probabilities, [batch, labels] of each classifier, of vectors of the same encoders."""
        with self._precision():
            logits = self._model.classify({name: torch.stack([one[name] for one in vectors]) for name in vectors[0]})
        return calibrated({name: one.cpu().numpy() for name, one in logits.items()}, self._config.ensemble)

    def _p_neutral(self, vectors: _Vectors) -> float:
        """Weight of a turn for its speaker's baseline: by the checkpoint's own prior, whatever prior was asked for."""
        probabilities = self._classify([vectors])[SPEECH][0]
        return float(apply_prior(probabilities, self._config.ensemble.class_prior)[_NEUTRAL])

    def _scores(
        self, probabilities: dict[str, NDArray[np.floating]], salience: tuple[float, ...] | None
    ) -> EmotionScores | None:
        if not probabilities:
            return None
        together = combine(probabilities, self._config.ensemble, prior=self.prior)
        each = {name: tuple(apply_prior(one, self.prior).tolist()) for name, one in probabilities.items()}
        return EmotionScores(each, tuple(together.probabilities.tolist()), salience, together.calibrated)

    def _salience(self, weights: Tensor, cut: int, length: int) -> tuple[float, ...]:
        """Attention over the smodel's steps, put onto the utterance's own 100 ms grid."""
        assert self._config.smodel is not None
        step = self._config.frame_samples
        for block in self._config.smodel.blocks:
            step *= block.stride[1] * block.pool[1]
        grid = torch.zeros(max(1, -(-length // _SALIENCE_STEP)))
        where = (torch.arange(len(weights)) * step + step // 2 + cut) // _SALIENCE_STEP
        grid.index_add_(0, where.clamp_max(len(grid) - 1), weights.float().cpu())  # a batch's padding has no weight
        return tuple((grid / grid.sum()).tolist())

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.float16) if self.accelerator == "cuda" else nullcontext()


def _chosen(classifier: str, loaded: checkpoints.Checkpoint) -> tuple[str, ...]:
    config = loaded.model.config.classifiers
    present = tuple(dict.fromkeys((*(name for name in CLASSIFIERS if name in config), *config)))
    if classifier == ENSEMBLE:
        return present
    asked = classifier.split("+")
    for name in asked:
        if name not in CLASSIFIERS and name not in present:
            known = ", ".join(dict.fromkeys((ENSEMBLE, *CLASSIFIERS, *present)))
            raise UsageError(f"Unknown classifier {name!r}; choose from {known}, or several joined with +.")
        if name not in present:
            raise CheckpointError(
                f"The checkpoint {loaded.name!r} has no {name} classifier; it has {', '.join(present)}."
            )
    return tuple(name for name in present if name in asked)
