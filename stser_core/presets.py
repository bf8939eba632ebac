"""The two shapes that have a name. Presets are configuration, not code paths."""

from __future__ import annotations

from stser_core.errors import UsageError
from stser_core.features import FeatureSettings
from stser_core.scores import CLASSIFIERS
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import StserSettings
from stser_core.tmodel import TextSettings

PAPER = StserSettings(
    features=FeatureSettings(mel_bands=64),
    classifiers=CLASSIFIERS,
    speech=SpeechSettings(blocks=(ConvSettings(32),), lstm_units=128),
    text=TextSettings(encoder="albert-base-v2", pooling="cls"),
)
"""As published: one convolution block, Bi-LSTM, four-head self-attention, `albert-base-v2`."""

COMPACT = StserSettings(
    features=FeatureSettings(mel_bands=64),
    classifiers=CLASSIFIERS,
    speech=SpeechSettings(
        blocks=(
            ConvSettings(24, kernel=5, stride=(2, 2), pool=(1, 1)),
            ConvSettings(48),
            ConvSettings(64),
            ConvSettings(64, pool=(1, 1), dilation=2, residual=True),
            ConvSettings(64, pool=(1, 1), dilation=4, residual=True),
        ),
        lstm_units=96,
        pooling="mean_deviation",
    ),
    text=TextSettings(encoder="", pooling="mean", maximum_pieces=64, marks=True),
)
"""Real time on a fraction of one core, with the residual and dilated blocks that the paper leaves to future work; its
text encoder is a compact ALBERT of our own."""

PRESETS = {"paper": PAPER, "compact": COMPACT}


def preset(name: str) -> StserSettings:
    """Look a preset up.

    Raises:
        UsageError: There is none of that name.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"There is no preset {name!r}; there are {', '.join(PRESETS)}.") from None
