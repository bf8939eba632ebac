"""The settings in a checkpoint's `config.json`: features, encoders, classifiers, ensemble. Presets are data.

Importing this module imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

from stser_core.emotions import LABELS
from stser_core.errors import UsageError
from stser_core.settings import Amount, Count, Positive, Proportion

SAMPLE_RATE = 16_000
VERSION = 2
"""Of the checkpoint format; 0.1 of the program wrote none."""

SPEECH, TEXT = "speech", "text"
"""The names of the two encoders that are part of the model: smodel and tmodel."""

_SHORTEST = SAMPLE_RATE // 10
_Hertz = Annotated[float, Meta(ge=0, le=SAMPLE_RATE / 2)]


@dataclass(frozen=True)
class FeatureConfig:
    """Settings of the log-mel spectrogram.

    Attributes:
        mel_bands: Number of mel bands.
        window_ms: Length of the Hann window.
        hop_ms: Distance between frames.
        n_fft: Length of the Fourier transform; 0 for the next power of two of the window.
        low_hz: Lower edge of the lowest band.
        high_hz: Upper edge of the highest band.
        mel_scale: `htk`, or `slaney` with its bands of equal area.
        normalise: `utterance`: zero mean, unit variance over the whole; `peak`: Whisper's input, the loudest value at
            1.375 and 80 dB below it at −0.625, independent of the level.
        tail_ms: Silence appended after trimming, as context of the front end; its frames are dropped.
    """

    mel_bands: Annotated[int, Meta(ge=1, le=1_000)] = 64
    window_ms: Annotated[float, Meta(ge=1, le=1_000)] = 25.0
    hop_ms: Annotated[float, Meta(ge=1, le=100)] = 10.0
    n_fft: Annotated[int, Meta(ge=0, le=1 << 16)] = 0
    low_hz: _Hertz = 50.0
    high_hz: _Hertz = 8_000.0
    mel_scale: Literal["htk", "slaney"] = "htk"
    normalise: Literal["utterance", "peak"] = "utterance"
    tail_ms: Annotated[float, Meta(ge=0, le=10_000)] = 0.0

    def __post_init__(self) -> None:
        if self.high_hz <= self.low_hz:
            raise UsageError(f"features.high_hz must be above low_hz ({self.low_hz:g}); it is {self.high_hz:g}.")
        if 0 < self.n_fft < self.window:
            raise UsageError(f"features.n_fft must be 0, or {self.window} or more; it is {self.n_fft}.")

    @property
    def window(self) -> int:
        """Length of the window in samples."""
        return round(SAMPLE_RATE * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Distance between frames in samples."""
        return round(SAMPLE_RATE * self.hop_ms / 1000)

    @property
    def tail(self) -> int:
        """Appended silence in samples."""
        return round(SAMPLE_RATE * self.tail_ms / 1000)


@dataclass(frozen=True)
class FrontEndConfig:
    """The frozen pretrained front end: the first layers of a Whisper encoder.

    Attributes:
        type: `whisper`.
        model: Whose weights these are.
        layers: How many of the encoder's layers are used.
        joined: The outputs of so many of them, the last ones, make a frame.
        size: Width of the encoder.
        heads: Attention heads of each layer.
        average: So many frames of 20 ms are averaged into one.
        positions: Longest sequence that the position embeddings cover; longer ones are encoded piece by piece.
    """

    type: Literal["whisper"] = "whisper"
    model: str = "whisper-base"
    layers: Annotated[int, Meta(ge=0)] = 3
    joined: Count = 1
    size: Count = 512
    heads: Count = 8
    average: Count = 2
    positions: Count = 1_500

    def __post_init__(self) -> None:
        if self.joined > max(1, self.layers):
            raise UsageError(f"front_end.joined must be at most {self.layers}, its layers; it is {self.joined}.")
        if self.positions % self.average:
            raise UsageError(f"front_end.positions must be a multiple of average ({self.average}).")
        if self.size % self.heads or self.size % 2:
            raise UsageError(f"front_end.size must be even and a multiple of {self.heads} heads; it is {self.size}.")

    @property
    def frame_size(self) -> int:
        """Values in a frame."""
        return self.joined * self.size


@dataclass(frozen=True)
class SpeakerBaselineConfig:
    """Settings of the running neutral baseline of a speaker; see `speaker_baseline`.

    Attributes:
        pseudo_turns: Weight of the global neutral mean, in neutral turns.
        memory: Largest accumulated weight of past turns; beyond it older turns fade in proportion.
    """

    pseudo_turns: Positive = 6.0
    memory: Positive = 60.0


@dataclass(frozen=True)
class ConvConfig:
    """One convolution block: convolution, batch norm, ReLU, max pooling.

    Attributes:
        channels: Feature maps.
        kernel: Size over (bands, frames), both odd.
        pool: Of the max pooling, over (bands, frames).
        norm: Batch norm; without it the convolution has a bias.
        activation: ReLU.
    """

    channels: Count
    kernel: tuple[Count, Count] = (3, 3)
    pool: tuple[Count, Count] = (2, 2)
    norm: bool = True
    activation: bool = True

    def __post_init__(self) -> None:
        if not all(size % 2 for size in self.kernel):
            raise UsageError(f"A convolution block's kernel must be odd; it is {self.kernel}.")

    def after(self, size: int, axis: int) -> int:
        """Number of bands (axis 0) or frames (axis 1) that the block leaves of `size`."""
        return size // self.pool[axis]


@dataclass(frozen=True)
class SmodelConfig:
    """The smodel's shape.

    Attributes:
        blocks: The convolution blocks, in order; the paper has one.
        lstm_units: Of the Bi-LSTM, in each direction; 0 for none.
        heads: Of the self-attention; the paper has four.
        residual_attention: Adds the sequence to what the self-attention makes of it.
        pooling: How the sequence becomes one vector: its mean, or its mean and standard deviation over time.
        input_statistics: The vector also holds the mean and standard deviation over time of the input.
        dropout: Proportion of units dropped after the convolutions, the Bi-LSTM and the pooling, in training.
        input_dropout: Proportion of whole input channels dropped in training; for a front end's frames.
        attention_dropout: Proportion of utterances whose pooled attention is dropped in training, so that the
            classifiers rely on the input statistics as well.
    """

    blocks: tuple[ConvConfig, ...]
    lstm_units: Annotated[int, Meta(ge=0)] = 128
    heads: Count = 4
    residual_attention: bool = False
    pooling: Literal["mean", "mean_deviation"] = "mean"
    input_statistics: bool = False
    dropout: Proportion = 0.2
    input_dropout: Proportion = 0.0
    attention_dropout: Proportion = 0.0

    def after(self, size: int, axis: int) -> int:
        """Number of bands (axis 0) or frames (axis 1) that the convolution blocks leave of `size`."""
        for block in self.blocks:
            size = block.after(size, axis)
        return size

    def sequence_size(self, channels: int, bands: int) -> int:
        """Width of the sequence that the self-attention reads."""
        if self.lstm_units:
            return 2 * self.lstm_units
        return (self.blocks[-1].channels if self.blocks else channels) * self.after(bands, 0)

    def vector_size(self, channels: int, bands: int) -> int:
        """Length of the speech vector."""
        pooled = self.sequence_size(channels, bands) * (2 if self.pooling == "mean_deviation" else 1)
        return pooled + (2 * channels * bands if self.input_statistics else 0)


@dataclass(frozen=True)
class AlbertConfig:
    """ALBERT's shape, by the Hub's key names; the defaults are those of `albert-base-v2`."""

    vocab_size: Count = 30_000
    embedding_size: Count = 128
    hidden_size: Count = 768
    num_hidden_layers: Count = 12
    num_hidden_groups: Count = 1
    num_attention_heads: Count = 12
    intermediate_size: Count = 3_072
    inner_group_num: Count = 1
    hidden_act: Literal["gelu_new", "gelu", "relu"] = "gelu_new"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: Count = 512
    type_vocab_size: Count = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise UsageError(
                f"albert.hidden_size must be a multiple of {self.num_attention_heads} heads; it is {self.hidden_size}."
            )


@dataclass(frozen=True)
class TmodelConfig:
    """The tmodel's shape.

    Attributes:
        encoder: Where its weights came from: a Hub id (the paper's is `albert-base-v2`) or a folder's name.
        albert: ALBERT's shape.
        pooling: The text vector: ALBERT's pooled first position `cls`, or the `mean` over all pieces.
        maximum_pieces: Longer transcripts lose their end.
        marks: Whether question and exclamation marks are read, where a transcript has them.
    """

    encoder: str = "albert-base-v2"
    albert: AlbertConfig = field(default_factory=AlbertConfig)
    pooling: Literal["cls", "mean"] = "cls"
    maximum_pieces: Annotated[int, Meta(ge=3)] = 96
    marks: bool = False


@dataclass(frozen=True)
class EncoderEntry:
    """A further encoder, beside smodel and tmodel.

    Attributes:
        type: `hub`, or an entry point of the group `stser_core.encoders`.
        vector_size: Length of its vectors.
        settings: Its own settings.
        package: The package that provides the type, named where it is not installed.
    """

    type: str
    vector_size: Count
    settings: dict[str, Any] = field(default_factory=dict)
    package: str = ""


@dataclass(frozen=True)
class ClassifierConfig:
    """A classifier: dense layers over the concatenated vectors of its encoders.

    Attributes:
        inputs: Names of the encoders, in the order of concatenation.
        dropout: Proportion of units dropped after each hidden layer, in training.
    """

    inputs: tuple[str, ...]
    dropout: Proportion = 0.2


@dataclass(frozen=True)
class LateFusion:
    """Late (decision-level) fusion of speech and words: how often only one of the two carries an emotion.

    Both numbers are relative to how often both carry it.

    Attributes:
        p_speech_only: Speech carries the emotion, the words are neutral; 0 or more.
        p_text_only: The words carry it, the speech is neutral; 0 or more.
        speech: The classifiers that read speech alone.
        text: The classifiers that read text alone.
    """

    p_speech_only: Amount
    p_text_only: Amount
    speech: tuple[str, ...] = ("speech",)
    text: tuple[str, ...] = ("text",)


@dataclass(frozen=True)
class EnsembleConfig:
    """Settings for combining the classifiers' probabilities; see `ensemble`.

    Attributes:
        weights: Of each classifier in the mean; 1 where nothing is said.
        late_fusion: `None` for the mean alone.
        temperatures: Of a classifier, by its name, or of the combined answer of several, by their names sorted and
            joined with `+`. Whatever has no temperature is not calibrated.
        class_prior: How often each emotion is expected in calls, in the order of `LABELS`; the monitor's default.
            `None`: all alike, as in training.
    """

    weights: dict[str, Positive] = field(default_factory=dict)
    late_fusion: LateFusion | None = None
    temperatures: dict[str, Positive] = field(default_factory=dict)
    class_prior: tuple[Positive, Positive, Positive, Positive] | None = None

    def __post_init__(self) -> None:
        if self.class_prior is not None and abs(sum(self.class_prior) - 1) > 1e-4:
            raise UsageError(f"The class prior must be four probabilities that sum to 1; it is {self.class_prior}.")


@dataclass(frozen=True)
class CheckpointConfig:
    """Everything that shapes a model; `config.json` of a checkpoint.

    Attributes:
        features: The log-mel spectrogram.
        classifiers: By name.
        version: Of the format.
        labels: In this order.
        front_end: `None`: the smodel reads the log-mel spectrogram itself.
        speaker_baseline: `None` without it; needs a front end and a `speech` classifier.
        smodel: The encoder named `speech`, or `None`.
        tmodel: The encoder named `text`, or `None`.
        encoders: Further encoders, by name.
        ensemble: How the classifiers' probabilities become one answer.

    Raises:
        UsageError: The parts do not fit together.
    """

    features: FeatureConfig
    classifiers: dict[str, ClassifierConfig]
    version: int = VERSION
    labels: tuple[str, ...] = LABELS
    front_end: FrontEndConfig | None = None
    speaker_baseline: SpeakerBaselineConfig | None = None
    smodel: SmodelConfig | None = None
    tmodel: TmodelConfig | None = None
    encoders: dict[str, EncoderEntry] = field(default_factory=dict)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)

    def __post_init__(self) -> None:
        if self.labels != LABELS:
            ours = ", ".join(LABELS)
            raise UsageError(f"The labels must be {ours}, in this order; they are {', '.join(self.labels)}.")
        if self.smodel is not None:
            self._check_smodel(self.smodel)
        if reserved := sorted({SPEECH, TEXT} & self.encoders.keys()):
            raise UsageError(f"A further encoder cannot be called {reserved[0]!r}; that name is taken.")
        if not self.classifiers:
            raise UsageError("A model needs at least one classifier.")
        sizes = self.vector_sizes
        for name, classifier in self.classifiers.items():
            if not classifier.inputs or "+" in name:
                raise UsageError(f"The classifier {name!r} needs inputs, and a name without '+'.")
            for encoder in classifier.inputs:
                if encoder not in sizes:
                    known = ", ".join(sizes) or "none"
                    raise UsageError(f"The {name} classifier reads the encoder {encoder!r}; the model has {known}.")
        if self.speaker_baseline is not None and (self.front_end is None or SPEECH not in self.classifiers):
            raise UsageError("A speaker baseline needs a front end and a classifier named speech.")
        fusion = self.ensemble.late_fusion
        for name in (*self.ensemble.weights, *(() if fusion is None else (*fusion.speech, *fusion.text))):
            if name not in self.classifiers:
                known = ", ".join(self.classifiers)
                raise UsageError(f"The ensemble names the classifier {name!r}; the model has {known}.")

    @property
    def frame_samples(self) -> int:
        """Samples behind one frame of the smodel's input."""
        return self.features.hop * (2 * self.front_end.average if self.front_end else 1)

    def frames_in(self, samples: int) -> int:
        """Frames of the smodel's input for a trimmed utterance of so many samples, without those of the tail."""
        filled = max(samples, _SHORTEST)
        return (filled - 1) // self.frame_samples + 1 if self.front_end else filled // self.features.hop + 1

    @property
    def frame_size(self) -> int:
        """Values in one frame of the smodel's input."""
        return self.front_end.frame_size if self.front_end else self.features.mel_bands

    @property
    def smodel_input(self) -> tuple[int, int]:
        """Channels and bands of the smodel's input."""
        return (self.front_end.frame_size, 1) if self.front_end else (1, self.features.mel_bands)

    @property
    def vector_sizes(self) -> dict[str, int]:
        """Length of every encoder's vectors, by name."""
        sizes = {name: entry.vector_size for name, entry in self.encoders.items()}
        if self.smodel is not None:
            sizes[SPEECH] = self.smodel.vector_size(*self.smodel_input)
        if self.tmodel is not None:
            sizes[TEXT] = self.tmodel.albert.hidden_size
        return sizes

    def _check_smodel(self, smodel: SmodelConfig) -> None:
        channels, bands = self.smodel_input
        shortest = -(-_SHORTEST // self.frame_samples)
        if min(smodel.after(bands, 0), smodel.after(shortest, 1)) < 1:
            raise UsageError("The convolution blocks leave nothing of a short utterance: reduce pool.")
        size = smodel.sequence_size(channels, bands)
        if size % smodel.heads:
            raise UsageError(f"smodel.heads must divide the sequence's {size} values; it is {smodel.heads}.")


_PAPERS_CLASSIFIERS = {
    "speech": ClassifierConfig((SPEECH,)),
    "text": ClassifierConfig((TEXT,)),
    "bimodal": ClassifierConfig((SPEECH, TEXT)),
}

PAPER = CheckpointConfig(
    features=FeatureConfig(mel_bands=64),
    smodel=SmodelConfig(blocks=(ConvConfig(32),), lstm_units=128),
    tmodel=TmodelConfig(encoder="albert-base-v2", pooling="cls"),
    classifiers=_PAPERS_CLASSIFIERS,
)
"""As published: log-mel, one convolution block, Bi-LSTM, four-head self-attention, `albert-base-v2`, mean of three."""

WHISPER_FEATURES = FeatureConfig(
    mel_bands=80, n_fft=400, low_hz=0.0, mel_scale="slaney", normalise="peak", tail_ms=500.0
)
"""Whisper's log-mel spectrogram, independent of the recording level."""

DEFAULT = CheckpointConfig(
    features=WHISPER_FEATURES,
    front_end=FrontEndConfig(joined=2),
    speaker_baseline=SpeakerBaselineConfig(),
    smodel=SmodelConfig(
        blocks=(ConvConfig(128, kernel=(1, 1), pool=(1, 1), norm=False, activation=False),),
        lstm_units=0,
        residual_attention=True,
        pooling="mean_deviation",
        input_statistics=True,
        input_dropout=0.2,
        attention_dropout=0.5,
    ),
    tmodel=TmodelConfig(encoder="", pooling="mean", maximum_pieces=64, marks=True),
    classifiers=_PAPERS_CLASSIFIERS,
    ensemble=EnsembleConfig(late_fusion=LateFusion(0.25, 0.9), class_prior=(0.1167, 0.1166, 0.65, 0.1167)),
)
"""Three layers of Whisper-base, of which the last two make the frames, a speaker baseline, and a compact ALBERT that
was trained from scratch."""

PRESETS = {"paper": PAPER, "default": DEFAULT}


def preset(name: str) -> CheckpointConfig:
    """Look a preset up.

    Raises:
        UsageError: The name is unknown.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"Unknown preset {name!r}; choose from {', '.join(PRESETS)}.") from None
