"""STSER: emotion from how something is said (speech) and what is said (text).

The model and everything that training and monitoring share. Nothing here knows of threads or terminals, and
importing this package imports neither torch nor an audio library.
"""

import os

from stser_core.emotions import LABELS
from stser_core.errors import StserError
from stser_core.scores import EmotionScores, Spoken

__version__ = "0.1.0"

# No word to the Hub but what is asked of it: no usage figures, and no wish that its service convert a model that has
# no safetensors. Here, because the first counts only if it is set before anything imports the Hub's library.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

__all__ = ["LABELS", "EmotionScores", "Spoken", "StserError", "__version__"]
