"""STSER: speech emotion recognition from how something is said (speech) and what is said (text).

The model and everything that training and monitoring share. Importing this package imports neither torch nor an audio
library; `EmotionRecognizer` and `SpeakerBaseline` are imported when they are first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from stser_core.emotions import LABELS
from stser_core.errors import StserError
from stser_core.scores import EmotionScores, SpeechInput

if TYPE_CHECKING:
    from stser_core.recognizer import EmotionRecognizer
    from stser_core.speaker_baseline import SpeakerBaseline

__version__ = "0.2.0"

# The Hub gets no telemetry and no request to convert a model without safetensors. Set here, because the first has
# an effect only before the Hub's library is imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

__all__ = [
    "LABELS",
    "EmotionRecognizer",
    "EmotionScores",
    "SpeakerBaseline",
    "SpeechInput",
    "StserError",
    "__version__",
]


def __getattr__(name: str) -> object:
    module = {"EmotionRecognizer": "recognizer", "SpeakerBaseline": "speaker_baseline"}.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"stser_core.{module}"), name)
