"""The models that training starts from, by name: data, not code paths."""

from stser_core import config
from stser_core.config import SPEECH, TEXT

_PAPERS_CLASSIFIERS = {
    "speech": config.ClassifierConfig((SPEECH,)),
    "text": config.ClassifierConfig((TEXT,)),
    "bimodal": config.ClassifierConfig((SPEECH, TEXT)),
}

PAPER = config.CheckpointConfig(
    features=config.FeatureConfig(mel_bands=64),
    smodel=config.SmodelConfig(blocks=(config.ConvConfig(32),), lstm_units=128),
    tmodel=config.TmodelConfig(encoder="albert-base-v2", pooling="cls"),
    classifiers=_PAPERS_CLASSIFIERS,
)
"""As published: log-mel, one convolution block, Bi-LSTM, four-head self-attention, `albert-base-v2`, mean of three."""

WHISPER_FEATURES = config.FeatureConfig(
    mel_bands=80, n_fft=400, low_hz=0.0, mel_scale="slaney", normalise="peak", tail_ms=500.0
)
"""Whisper's log-mel spectrogram, independent of the recording level."""

DEFAULT = config.CheckpointConfig(
    features=WHISPER_FEATURES,
    front_end=config.FrontEndConfig(joined=2),
    speaker_baseline=config.SpeakerBaselineConfig(),
    smodel=config.SmodelConfig(
        blocks=(config.ConvConfig(128, kernel=(1, 1), pool=(1, 1), norm=False, activation=False),),
        lstm_units=0,
        residual_attention=True,
        pooling="mean_deviation",
        input_statistics=True,
        input_dropout=0.2,
        attention_dropout=0.5,
    ),
    tmodel=config.TmodelConfig(encoder="", pooling="mean", maximum_pieces=64, marks=True),
    classifiers=_PAPERS_CLASSIFIERS,
    ensemble=config.EnsembleConfig(
        late_fusion=config.LateFusion(0.25, 0.9), class_prior=(0.1167, 0.1166, 0.65, 0.1167)
    ),
)
"""Three layers of Whisper-base, of which the last two make the frames, a speaker baseline, and a compact ALBERT that
was trained from scratch."""

PRESETS = {"paper": PAPER, "default": DEFAULT}
