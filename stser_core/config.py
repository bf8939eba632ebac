"""The settings in a checkpoint's `config.json`: features, encoders, classifiers, ensemble.

Bounds stand in the fields' types. Importing this module imports no torch.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, field

from stser_core.emotions import LABELS
from stser_core.errors import UsageError

SAMPLE_RATE = 16_000  # samples per second of all audio inside the program
VERSION = 2  # of the checkpoint format; 0.1 of the program wrote none
SPEECH, TEXT = "speech", "text"  # the names of the two encoders that are part of the model: smodel and tmodel
_TAKEN = {SPEECH, TEXT, "model", "front_end", "ensemble"}  # a further encoder's tensors are in NAME.safetensors
SHORTEST = SAMPLE_RATE // 10  # samples of an utterance; what is shorter is filled up with silence

_Kind = TypeVar("_Kind", bound="Settings")

Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Proportion = Annotated[float, Meta(ge=0, le=1)]
_Hertz = Annotated[float, Meta(ge=0, le=SAMPLE_RATE / 2)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all settings, also of training; `msgspec.structs.replace` makes changed copies."""


def decode(content: bytes, kind: type[_Kind]) -> _Kind:
    """Decode settings from JSON; what is left out keeps its default.

    Raises `msgspec.DecodeError` where it is not JSON, a value is of another type or out of bounds, or a key is unknown.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except UsageError as error:
        raise msgspec.ValidationError(str(error).rstrip(".")) from error


class FeatureConfig(Settings, frozen=True):
    """Settings of the log-mel spectrogram."""

    mel_bands: Annotated[int, Meta(ge=1, le=1_000)] = 64
    window_ms: Annotated[float, Meta(ge=1, le=1_000)] = 25.0  # of the Hann window
    hop_ms: Annotated[float, Meta(ge=1, le=100)] = 10.0  # between frames
    n_fft: Annotated[int, Meta(ge=0, le=1 << 16)] = 0  # length of the Fourier transform; 0: the next power of two
    low_hz: _Hertz = 50.0  # lower edge of the lowest band
    high_hz: _Hertz = 8_000.0  # upper edge of the highest band
    mel_scale: Literal["htk", "slaney"] = "htk"  # slaney: bands of equal area
    # utterance: zero mean, unit variance over the whole. peak: Whisper's input, the loudest value at 1.375 and 80 dB
    # below it at −0.625, independent of the level.
    normalise: Literal["utterance", "peak"] = "utterance"
    tail_ms: Annotated[float, Meta(ge=0, le=10_000)] = 0.0  # of silence, as context of the front end; its frames go

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


class FrontEndConfig(Settings, frozen=True):
    """The frozen pretrained front end: the first layers of a Whisper encoder."""

    type: Literal["whisper"] = "whisper"
    model: str = "whisper-base"  # whose weights these are
    layers: Annotated[int, Meta(ge=0)] = 3  # of the encoder's
    joined: Count = 1  # the outputs of so many of them, the last ones, make a frame
    size: Count = 512  # width of the encoder
    heads: Count = 8
    average: Count = 2  # so many frames of 20 ms are averaged into one
    positions: Count = 1_500  # longest sequence of the position embeddings; longer ones are encoded piece by piece

    def __post_init__(self) -> None:
        if self.joined > max(1, self.layers):
            raise UsageError(f"front_end.joined must be at most {self.layers}, its layers; it is {self.joined}.")
        if self.positions % self.average:
            raise UsageError(f"front_end.positions must be a multiple of average ({self.average}).")
        if self.size % self.heads or self.size % 2:
            raise UsageError(f"front_end.size must be even and a multiple of {self.heads} heads; it is {self.size}.")


class SpeakerBaselineConfig(Settings, frozen=True):
    """Settings of the running neutral baseline of a speaker; see `speaker_baseline`."""

    pseudo_turns: Positive = 6.0  # weight of the global neutral mean, in neutral turns
    memory: Positive = 60.0  # largest accumulated weight of past turns; beyond it older ones fade in proportion


class ConvConfig(Settings, frozen=True):
    """One convolution block: convolution, batch norm, ReLU, max pooling; sizes are over (bands, frames)."""

    channels: Count
    kernel: tuple[Count, Count] = (3, 3)  # odd
    pool: tuple[Count, Count] = (2, 2)
    norm: bool = True  # without batch norm the convolution has a bias
    activation: bool = True

    def __post_init__(self) -> None:
        if not all(size % 2 for size in self.kernel):
            raise UsageError(f"A convolution block's kernel must be odd; it is {self.kernel}.")


class SmodelConfig(Settings, frozen=True):
    """The smodel's shape."""

    blocks: tuple[ConvConfig, ...]  # the paper has one
    lstm_units: Annotated[int, Meta(ge=0)] = 128  # of the Bi-LSTM, in each direction; 0 for none
    heads: Count = 4  # of the self-attention, as in the paper
    residual_attention: bool = False  # adds the sequence to what the self-attention makes of it
    pooling: Literal["mean", "mean_deviation"] = "mean"  # over time, of the sequence, which becomes one vector
    input_statistics: bool = False  # the vector also holds the mean and deviation over time of the input
    dropout: Proportion = 0.2  # of units after the convolutions, the Bi-LSTM and the pooling, in training
    input_dropout: Proportion = 0.0  # of whole input channels, in training; for a front end's frames
    # of utterances that lose their pooled attention in training, so that classifiers rely on the input statistics, too
    attention_dropout: Proportion = 0.0

    def after(self, size: int, axis: int) -> int:
        """Number of bands (axis 0) or frames (axis 1) that the convolution blocks leave of `size`."""
        for block in self.blocks:
            size //= block.pool[axis]
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


class AlbertConfig(Settings, frozen=True):
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
            heads = self.num_attention_heads
            raise UsageError(f"albert.hidden_size must be a multiple of {heads} heads; it is {self.hidden_size}.")


class TmodelConfig(Settings, frozen=True):
    """The tmodel's shape."""

    encoder: str = "albert-base-v2"  # where its weights came from: a Hub id (this is the paper's) or a folder's name
    albert: AlbertConfig = AlbertConfig()
    pooling: Literal["cls", "mean"] = "cls"  # the text vector: ALBERT's pooled first position, or the mean of all
    maximum_pieces: Annotated[int, Meta(ge=3)] = 96  # longer transcripts lose their end
    marks: bool = False  # whether question and exclamation marks are read, where a transcript has them


class EncoderEntry(Settings, frozen=True):
    """A further encoder, beside smodel and tmodel."""

    type: str  # hub, or an entry point of the group stser_core.encoders
    vector_size: Count
    settings: dict[str, Any] = field(default_factory=dict)  # its own
    package: str = ""  # the one that provides the type, named where it is not installed


class ClassifierConfig(Settings, frozen=True):
    """A classifier: dense layers over the concatenated vectors of its encoders."""

    inputs: tuple[str, ...]  # names of the encoders, in the order of concatenation
    dropout: Proportion = 0.2  # of units after each hidden layer, in training


class LateFusion(Settings, frozen=True):
    """Late (decision-level) fusion of the classifiers named speech and text: how often only one carries an emotion.

    Both numbers are relative to how often both carry it.
    """

    p_speech_only: Amount  # speech carries the emotion, the words are neutral
    p_text_only: Amount  # the words carry it, the speech is neutral


class EnsembleConfig(Settings, frozen=True):
    """Settings for combining the classifiers' probabilities; see `ensemble`."""

    weights: dict[str, Positive] = field(default_factory=dict)  # in the mean; 1 where nothing is said
    late_fusion: LateFusion | None = None  # None: the mean alone
    # Of a classifier, by its name, or of the combined answer of several, by their names sorted and joined with +.
    # Whatever has no temperature is not calibrated.
    temperatures: dict[str, Positive] = field(default_factory=dict)
    # How often each emotion is expected in calls, in the order of LABELS; None: all alike, as in training.
    class_prior: tuple[Positive, Positive, Positive, Positive] | None = None

    def __post_init__(self) -> None:
        if self.class_prior is not None and abs(sum(self.class_prior) - 1) > 1e-4:
            raise UsageError(f"The class prior must be four probabilities that sum to 1; it is {self.class_prior}.")


class CheckpointConfig(Settings, frozen=True):
    """Everything that shapes a model; `config.json` of a checkpoint. `UsageError` where parts do not fit together."""

    features: FeatureConfig
    classifiers: dict[str, ClassifierConfig]  # by name
    version: int = VERSION
    labels: tuple[str, ...] = LABELS
    front_end: FrontEndConfig | None = None  # None: the smodel reads the log-mel spectrogram itself
    speaker_baseline: SpeakerBaselineConfig | None = None  # needs a front end and a speech classifier
    smodel: SmodelConfig | None = None  # the encoder named speech
    tmodel: TmodelConfig | None = None  # the encoder named text
    encoders: dict[str, EncoderEntry] = field(default_factory=dict)  # further ones, by name
    ensemble: EnsembleConfig = EnsembleConfig()

    def __post_init__(self) -> None:
        if self.labels != LABELS:
            ours = ", ".join(LABELS)
            raise UsageError(f"The labels must be {ours}, in this order; they are {', '.join(self.labels)}.")
        if self.smodel is not None:
            self._check_smodel(self.smodel)
        for name in self.encoders:
            if name.lower() in _TAKEN:  # some file systems do not tell upper and lower case apart
                raise UsageError(f"A further encoder cannot be called {name!r}; that name is taken.")
            if not re.fullmatch(r"[\w-]+", name):
                raise UsageError(f"A further encoder's name is of letters, digits, _ and -; it is {name!r}.")
        if not self.classifiers:
            raise UsageError("A model needs at least one classifier.")
        sizes = self.vector_sizes
        for name, classifier in self.classifiers.items():
            if not classifier.inputs or "+" in name or name == "ensemble":
                raise UsageError(f"The classifier {name!r} needs inputs, and a name without '+', not ensemble.")
            for encoder in classifier.inputs:
                if encoder not in sizes:
                    known = ", ".join(sizes) or "none"
                    raise UsageError(f"The {name} classifier reads the encoder {encoder!r}; the model has {known}.")
        if self.speaker_baseline is not None and (self.front_end is None or SPEECH not in self.classifiers):
            raise UsageError("A speaker baseline needs a front end and a classifier named speech.")
        self._check_ensemble()

    @property
    def frame_samples(self) -> int:
        """Samples behind one frame of the smodel's input."""
        return self.features.hop * (2 * self.front_end.average if self.front_end else 1)

    def frames_in(self, samples: int) -> int:
        """Frames of the smodel's input for a trimmed utterance of so many samples, without those of the tail."""
        filled = max(samples, SHORTEST)
        return (filled - 1) // self.frame_samples + 1 if self.front_end else filled // self.features.hop + 1

    @property
    def frame_size(self) -> int:
        """Values in one frame of the smodel's input."""
        return self.front_end.joined * self.front_end.size if self.front_end else self.features.mel_bands

    @property
    def smodel_input(self) -> tuple[int, int]:
        """Channels and bands of the smodel's input."""
        return (self.frame_size, 1) if self.front_end else (1, self.frame_size)

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
        shortest = -(-SHORTEST // self.frame_samples)
        if min(smodel.after(bands, 0), smodel.after(shortest, 1)) < 1:
            raise UsageError("The convolution blocks leave nothing of a short utterance: reduce pool.")
        size = smodel.sequence_size(channels, bands)
        if size % smodel.heads:
            raise UsageError(f"smodel.heads must divide the sequence's {size} values; it is {smodel.heads}.")

    def _check_ensemble(self) -> None:
        known = ", ".join(self.classifiers)
        for name in (*self.ensemble.weights, *((SPEECH, TEXT) if self.ensemble.late_fusion else ())):
            if name not in self.classifiers:
                raise UsageError(f"The ensemble names the classifier {name!r}; the model has {known}.")
        for key in self.ensemble.temperatures:
            if key != "+".join(sorted(self.classifiers.keys() & key.split("+"))):
                raise UsageError(f"A temperature must be of {known}, or several, sorted and joined by +; not {key!r}.")
