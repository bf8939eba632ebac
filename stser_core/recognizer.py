"""The emotion recognizer: utterances in, emotion scores out. What the monitor runs and what evaluation measures."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from reprlib import repr as short
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stser_core import checkpoint as checkpoints
from stser_core import encoders
from stser_core.checkpoint import Checkpoint
from stser_core.config import SAMPLE_RATE, SPEECH, TEXT
from stser_core.emotions import LABELS
from stser_core.ensemble import Prior, apply_prior, calibrated, checked_prior, combination, combine
from stser_core.errors import UsageError
from stser_core.features import trim
from stser_core.network import Floats, Network, accelerator_of, batches
from stser_core.scores import CLASSIFIERS, ENSEMBLE, EmotionScores, SpeechInput
from stser_core.tokenizer import is_usable

UNKNOWN_LIMIT = 0.5  # of pieces; with more, a transcript is in a language that the text encoder cannot read
_RUNTIMES = "torch", "onnx"
_SALIENCE_STEP = SAMPLE_RATE // 10
_NEUTRAL = LABELS.index("neutral")

_Vectors = dict[str, Floats]


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
        checkpoint: Checkpoint,
        network: Network,
        *,
        classifier: str = ENSEMBLE,
        explain: bool = False,
        prior: Prior | Literal["checkpoint"] | None = "checkpoint",
    ) -> None:
        """Prepare a checkpoint whose model a network computes; for the options, and what is raised, see `load`."""
        self._config = config = checkpoint.config
        self.name, self._tokenizer = checkpoint.name, checkpoint.tokenizer
        self.classifiers = _chosen(classifier, checkpoint)
        if isinstance(prior, str) and prior == "checkpoint":
            self.prior = config.ensemble.class_prior
        else:
            self.prior = None if prior is None else checked_prior(prior)
        self._inputs = {encoder for name in self.classifiers for encoder in config.classifiers[name].inputs}
        self.uses_speaker_baseline = config.speaker_baseline is not None and self.attends
        self._network, self.accelerator = network, network.accelerator
        self._explain = explain
        chosen = {name: entry for name, entry in config.encoders.items() if name in self._inputs}
        self._further = [encoders.load(name, entry, checkpoint.tensors(name)) for name, entry in chosen.items()]
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
        runtime: Literal["torch", "onnx"] = "torch",
        text: bool = True,
    ) -> "EmotionRecognizer":
        """Load a checkpoint by folder, name or Hub id, and prepare it.

        Args:
            checkpoint: What `checkpoint.resolve` takes.
            classifier: `ensemble` for all that it has, or names joined with `+`, such as `speech` or `speech+text`.
            accelerator: `auto`, `cpu`, `cuda` or `mps`.
            explain: Also give the salience of every utterance.
            prior: How often each emotion is expected, in the order of `LABELS`; `checkpoint` for the checkpoint's
                prior of calls, `None` for evenly, as in training.
            runtime: With `onnx`, torch is not imported; the scores are the same in single precision.
            text: Without it, transcripts are not read, and what that takes is not loaded.

        Raises:
            UsageError: The checkpoint has no such classifier, the accelerator or the runtime is unknown, or the prior
                is not one.
            CheckpointError: The checkpoint or a further encoder is missing or broken.
            DeviceError: The accelerator is not there.
        """
        if runtime not in _RUNTIMES:
            raise UsageError(f"Unknown runtime {runtime!r}; choose from {', '.join(_RUNTIMES)}.")
        loaded = checkpoints.load(checkpoint, text=text)
        network: Network
        if runtime == "onnx":
            from stser_core.onnx_network import OnnxNetwork

            network = OnnxNetwork(loaded, accelerator)
        else:
            from stser_core.torch_network import TorchNetwork

            accelerator = accelerator_of(accelerator)
            network = TorchNetwork(checkpoints.load_model(loaded.folder, accelerator), accelerator)
        return cls(loaded, network, classifier=classifier, explain=explain, prior=prior)

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

    def is_calibrated(self, classifiers: Iterable[str]) -> bool:
        """Whether the checkpoint has a temperature for this combination of classifiers."""
        return combination(classifiers) in self._config.ensemble.temperatures

    def score(self, inputs: Iterable[SpeechInput]) -> list[EmotionScores | None]:
        """Score utterances, in batches on a GPU.

        Those of one speaker (`SpeechInput.speaker`) are given in the order in which they were said, in one call or in
        several; the scores are the same. A transcript that is empty, of low confidence, or in a foreign language is
        not read; then the classifiers that read text do not answer. On digital silence, and on sound that is shorter
        than a window of the spectrogram (25 ms), none answers from the sound.

        Returns the scores in the same order; `None` where none of the classifiers could answer. Raises `UsageError`
        where these are not `SpeechInput`s, and `CheckpointError` where a further encoder does not give what it should.
        """
        inputs = _listed(inputs)
        vectors: list[_Vectors] = [{} for _ in inputs]
        self._encode_text(inputs, vectors)
        saliences = self._encode_speech(inputs, vectors) if self.attends else {}
        probabilities: list[dict[str, Floats]] = [{} for _ in inputs]
        for available in {tuple(one): None for one in vectors if one}:
            chosen = [i for i, one in enumerate(vectors) if tuple(one) == available]
            for batch in batches(chosen, self.accelerator):
                logits = self._classify([vectors[i] for i in batch])
                for name in (name for name in self.classifiers if name in logits):
                    for i, row in zip(batch, logits[name], strict=True):
                        probabilities[i][name] = row
        return [self._scores(one, saliences.get(i)) for i, one in enumerate(probabilities)]

    def frames(self, waveforms: Sequence[NDArray[np.float32]]) -> list[Floats]:
        """`SpeechInput.frames`, float32 [frames, size], of waveforms, float32 [n] in −1…1, 16 kHz."""
        return self._network.encode_frames([trim(one)[0] for one in waveforms])

    def _encode_text(self, inputs: Sequence[SpeechInput], vectors: Sequence[_Vectors]) -> None:
        """Add the text vectors of transcripts that are readable, and the vectors of further encoders."""
        readable = [i for i, one in enumerate(inputs) if is_usable(one.text, one.text_confidence)]
        if self._tokenizer is not None and readable:
            encoded = self._tokenizer([inputs[i].text or "" for i in readable])
            known = [row for row, unknown in enumerate(encoded.unknown) if unknown <= UNKNOWN_LIMIT]
            lengths = encoded.mask.sum(1)
            for rows in batches(known if self.needs_text else (), self.accelerator):
                longest = int(lengths[rows].max())
                found = self._network.encode_text(encoded.pieces[rows, :longest], encoded.mask[rows, :longest])
                for row, vector in zip(rows, found, strict=True):
                    vectors[readable[row]][TEXT] = vector
            readable = [readable[row] for row in known]
        for encoder in self._further if inputs else ():
            given = [
                one if i in readable else SpeechInput(one.samples, speaker=one.speaker, frames=one.frames)
                for i, one in enumerate(inputs)
            ]
            for one, vector in zip(vectors, encoders.encode(encoder, given), strict=True):
                if vector is not None:
                    one[encoder.name] = vector

    def _encode_speech(
        self, inputs: Sequence[SpeechInput], vectors: Sequence[_Vectors]
    ) -> dict[int, tuple[float, ...]]:
        """Add the speech vectors; returns the saliences, by the utterances' places, where they are asked for."""
        saliences: dict[int, tuple[float, ...]] = {}
        trimmed = [trim(one.samples) for one in inputs]
        shortest = self._config.features.window
        sounding = [len(one.samples) >= shortest and bool(one.samples.any()) for one in inputs]
        unknown = [i for i, one in enumerate(inputs) if one.frames is None and sounding[i]]
        frames = {i: one.frames for i, one in enumerate(inputs) if one.frames is not None}
        frames |= zip(unknown, self._network.encode_frames([trimmed[i][0] for i in unknown]), strict=True)
        step, settings = self._config.frame_samples, self._config.speaker_baseline
        alone = [] if settings is None else [i for i in sorted(frames) if inputs[i].speaker is not None]
        together = sorted(frames.keys() - set(alone), key=lambda i: -len(frames[i]))
        for batch in (*batches(together, self.accelerator, lambda i: len(frames[i]) * step), *([i] for i in alone)):
            speaker, baseline = inputs[batch[0]].speaker, self._network.neutral_mean
            if speaker is not None and settings is not None:
                baseline = speaker.mean(baseline, settings.pseudo_turns)
            found, salience = self._network.encode_speech([frames[i] for i in batch], baseline, salience=self._explain)
            for row, i in enumerate(batch):
                vectors[i][SPEECH] = found[row]
                if salience is not None:
                    cut = 0 if inputs[i].frames is not None else trimmed[i][1]
                    length = len(inputs[i].samples) or len(frames[i]) * step
                    saliences[i] = self._salience(salience[row], cut, length)
            if speaker is not None and settings is not None:
                probabilities = self._classify([{SPEECH: found[0]}])[SPEECH][0]
                # By the checkpoint's own prior, whatever prior was asked for. Squared, since a doubtful turn in a long
                # emotional stretch would move the baseline towards it.
                p_neutral = float(apply_prior(probabilities, self._config.ensemble.class_prior)[_NEUTRAL])
                speaker.update(frames[batch[0]].mean(0, dtype=np.float32), p_neutral**2, settings.memory)
        return saliences

    def _classify(self, vectors: Sequence[_Vectors]) -> dict[str, Floats]:
        """Calibrated probabilities, [batch, labels] of each classifier, of vectors of the same encoders."""
        logits = self._network.classify({name: np.stack([one[name] for one in vectors]) for name in vectors[0]})
        return calibrated(logits, self._config.ensemble)

    def _scores(self, probabilities: dict[str, Floats], salience: tuple[float, ...] | None) -> EmotionScores | None:
        if not probabilities:
            return None
        together = combine(probabilities, self._config.ensemble, prior=self.prior)
        each = {name: tuple(apply_prior(one, self.prior).tolist()) for name, one in probabilities.items()}
        return EmotionScores(each, tuple(together.tolist()), salience, self.is_calibrated(probabilities))

    def _salience(self, weights: Floats, cut: int, length: int) -> tuple[float, ...]:
        """Attention over the smodel's steps, put onto the utterance's own 100 ms grid."""
        assert self._config.smodel is not None
        step = self._config.frame_samples * math.prod(block.pool[1] for block in self._config.smodel.blocks)
        grid = np.zeros(max(1, -(-length // _SALIENCE_STEP)), np.float32)
        where = (np.arange(len(weights)) * step + step // 2 + cut) // _SALIENCE_STEP
        np.add.at(grid, np.minimum(where, len(grid) - 1), weights)  # a batch's padding has no weight
        return tuple((grid / grid.sum()).tolist())


def _listed(inputs: object) -> list[SpeechInput]:
    """The inputs as a list; `UsageError` where they are something else, such as one alone."""
    if isinstance(inputs, Iterable):
        listed = list(inputs)
        if all(isinstance(one, SpeechInput) for one in listed):
            return listed
    raise UsageError(f"A list of SpeechInput is scored, such as [SpeechInput(samples)]; this is {short(inputs)}.")


def _chosen(classifier: str, checkpoint: Checkpoint) -> tuple[str, ...]:
    config = checkpoint.config.classifiers
    present = tuple(dict.fromkeys((*(name for name in CLASSIFIERS if name in config), *config)))
    asked = present if classifier == ENSEMBLE else classifier.split("+")
    for name in asked:
        if name not in present:
            raise UsageError(
                f"The checkpoint {checkpoint.name!r} has no classifier {name!r}; choose from "
                f"{', '.join((ENSEMBLE, *present))}, or several joined with +."
            )
    return tuple(name for name in present if name in asked)
