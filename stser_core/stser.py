"""STSER: three classifiers over the smodel's and the tmodel's vectors.

Section 3.3 of the paper, the multi-scale fusion: feature fusion (the bimodal classifier reads both vectors,
concatenated); its ensemble learning is in `ensemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from stser_core import bounds
from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError
from stser_core.features import FeatureSettings, LogMel
from stser_core.scores import CLASSIFIERS
from stser_core.smodel import Hearing, Smodel, SpeechSettings
from stser_core.tmodel import TextSettings, Tmodel


@dataclass(frozen=True)
class StserSettings:
    """Everything that shapes an STSER model; `config.json` of a checkpoint holds just this.

    Attributes:
        features: The spectrogram.
        classifiers: Those that are present, each trained: any of speech, text, bimodal.
        speech: The smodel, or `None` without it.
        text: The tmodel, or `None` without it.
        labels: The label set in its order.
        dropout: Share of units dropped inside the classifiers, in training.
        speaker_adaptation: Whether the classifiers that hear were trained to get used to a voice (`Voice`).
        temperatures: What each classifier's logits are divided by (calibration); 1 where absent. How the mean of
            several is made surer or less sure (`ensemble`) stands under their names (`scores.company`), else under
            `ensemble`.

    Raises:
        UsageError: The dropout is out of its bounds.
    """

    features: FeatureSettings
    classifiers: tuple[str, ...]
    speech: SpeechSettings | None = None
    text: TextSettings | None = None
    labels: tuple[str, ...] = LABELS
    dropout: float = 0.2
    speaker_adaptation: bool = False
    temperatures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounds.check("dropout", self.dropout, 0, 1)


@dataclass(frozen=True)
class SpeechBatch:
    """Waveforms: float32 [batch, n] with zeros after each end, and int64 [batch] their lengths in samples."""

    samples: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class TextBatch:
    """Transcripts: int64 [batch, n] piece ids, and int64 [batch, n] the mask."""

    pieces: Tensor
    mask: Tensor


@dataclass(frozen=True)
class StserOutput:
    """What a forward pass gives.

    Attributes:
        logits: float32 [batch, labels] for each classifier that could answer.
        hearing: What the smodel made of the sound, or `None` without sound.
        text_vector: float32 [batch, vector], or `None` without text.
    """

    logits: dict[str, Tensor]
    hearing: Hearing | None = None
    text_vector: Tensor | None = None


class Classifier(nn.Sequential):
    """Dense 128 → 64 → 128 (ReLU) → labels, as the paper's classifiers are (section 3.3)."""

    def __init__(self, size: int, labels: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in (128, 64, 128):
            layers += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout)]
            size = width
        super().__init__(*layers, nn.Linear(size, labels))


class Stser(nn.Module):
    """The whole model: sound and text in, each classifier's logits out.

    Attributes:
        usual_voice: float32 [vector], the mean speech vector of all voices in training; `None` without
            `speaker_adaptation`.
    """

    usual_voice: Tensor | None

    def __init__(self, settings: StserSettings) -> None:
        super().__init__()
        _check(settings)
        self.settings = settings
        self.logmel = LogMel(settings.features)
        self.smodel = Smodel(settings.speech, settings.features.mel_bands) if settings.speech else None
        self.tmodel = Tmodel(settings.text) if settings.text else None
        sizes = _vector_sizes(settings)
        adapts = settings.speaker_adaptation and settings.speech is not None
        self.register_buffer("usual_voice", torch.zeros(sizes["speech"]) if adapts else None)
        self.classifiers = nn.ModuleDict(
            {name: Classifier(sizes[name], len(settings.labels), settings.dropout) for name in settings.classifiers}
        )

    def forward(
        self,
        speech: SpeechBatch | None = None,
        text: TextBatch | None = None,
        *,
        spectrograms: tuple[Tensor, Tensor] | None = None,
        adapt: Callable[[Tensor], Tensor] | None = None,
    ) -> StserOutput:
        """Run every classifier whose input is there.

        Args:
            speech: The batch's sound.
            text: The batch's transcripts, one for each waveform where both are given.
            spectrograms: Instead of `speech`: what `LogMel` makes of it, possibly augmented.
            adapt: What becomes of the speech vectors before they are judged, float32 [batch, vector] as they are:
                where the voices are known.
        """
        hearing = speech_vector = None
        if speech is not None:
            spectrograms = self.logmel(speech.samples, speech.lengths)
        if spectrograms is not None and self.smodel is not None:
            hearing = self.smodel(*spectrograms)
        if hearing is not None:
            speech_vector = hearing.vector if adapt is None else adapt(hearing.vector)
        text_vector = None if text is None else self.read(text)
        return StserOutput(self.classify(speech_vector, text_vector), hearing, text_vector)

    def read(self, text: TextBatch) -> Tensor | None:
        """The text vectors, float32 [batch, vector]; `None` without a tmodel."""
        if self.tmodel is None:
            return None
        vectors: Tensor = self.tmodel(text.pieces, text.mask)
        return vectors

    def classify(self, speech_vector: Tensor | None, text_vector: Tensor | None) -> dict[str, Tensor]:
        """The logits of every classifier whose input is there, float32 [batch, labels].

        Args:
            speech_vector: float32 [batch, vector], without what the voices add where they are known.
            text_vector: float32 [batch, vector].
        """
        both = None
        if speech_vector is not None and text_vector is not None:
            both = torch.cat([speech_vector, text_vector], dim=1)
        inputs = {"speech": speech_vector, "text": text_vector, "bimodal": both}
        return {
            name: classifier(vector).float()
            for name, classifier in self.classifiers.items()
            if (vector := inputs[name]) is not None
        }


def probabilities(logits: Mapping[str, Tensor], temperatures: Mapping[str, float]) -> dict[str, Tensor]:
    """Calibrated class probabilities of each classifier: softmax of its logits over its temperature."""
    return {name: (one / temperatures.get(name, 1.0)).softmax(dim=-1) for name, one in logits.items()}


def _vector_sizes(settings: StserSettings) -> dict[str, int]:
    speech = settings.speech.vector_size if settings.speech else 0
    text = settings.text.vector_size if settings.text else 0
    return {"speech": speech, "text": text, "bimodal": speech + text}


def _check(settings: StserSettings) -> None:
    if settings.labels != LABELS:
        raise CheckpointError(
            f"The checkpoint's labels are {', '.join(settings.labels)}; this program's are {', '.join(LABELS)}, "
            "in this order."
        )
    for name in settings.classifiers:
        if name not in CLASSIFIERS:
            raise CheckpointError(f"There is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.")
        if (settings.speech is None and name != "text") or (settings.text is None and name != "speech"):
            raise CheckpointError(f"The {name} classifier lacks its encoder in the checkpoint's settings.")
    if not settings.classifiers:
        raise CheckpointError("The checkpoint has no classifier.")
    for name, temperature in settings.temperatures.items():
        if not 0 < temperature < float("inf"):
            raise CheckpointError(f"The temperature of {name} must be above 0; it is {temperature}.")
    if settings.speech is not None:
        _check_blocks(settings.speech, settings.features)


def _check_blocks(speech: SpeechSettings, features: FeatureSettings) -> None:
    bands, frames = features.mel_bands, features.minimum_frames
    for block in speech.blocks:
        bands, frames = block.after(bands, axis=0), block.after(frames, axis=1)
        if block.residual and block.stride != (1, 1):
            raise CheckpointError(f"A residual convolution block cannot have the stride {block.stride}.")
    if bands < 1 or frames < 1:
        raise CheckpointError("The convolution blocks leave nothing of a short utterance: stride or pool less.")
