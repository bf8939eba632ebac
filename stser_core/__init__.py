"""STSER: emotion from how something is said (speech) and what is said (text).

The model and everything that training and monitoring share. Nothing here knows of threads or terminals, and
importing this package imports neither torch nor an audio library.
"""

from stser_core.emotions import LABELS
from stser_core.errors import StserError
from stser_core.scores import EmotionScores, Spoken

__version__ = "0.1.0"

__all__ = ["LABELS", "EmotionScores", "Spoken", "StserError", "__version__"]
