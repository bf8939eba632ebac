"""SAVEE: four English actors, 480 utterances (Haq and Jackson 2010, http://kahlan.eps.surrey.ac.uk/savee/).

File names are `DC/a01.wav` in the release and `DC_a01.wav` in copies of it: actor, emotion, sentence. Emotions
have one letter or two: `s` alone does not exist, `sa` is sadness and `su` surprise. The release has no table of
the sentences, so clips have no text.
"""

from __future__ import annotations

import re
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names

_CORPUS = NamedCorpus(
    name="savee",
    language="en",
    example="DC_a01.wav or DC/a01.wav",
    published={"angry": 60, "happy": 60, "neutral": 120, "sad": 60},
)
_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(a|d|f|h|n|sa|su)(\d\d)")
_ACTORS = frozenset({"DC", "JE", "JK", "KL"})
_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}


def read(directory: Path) -> Corpus:
    """Read SAVEE from a folder with its recordings at any depth.

    Raises:
        DataError: The folder is missing, holds no recording of SAVEE, or one twice.
    """
    return read_names(_CORPUS, directory, _parse)


def _parse(path: Path) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    actor, emotion, sentence = match.groups()
    actor = actor or path.parent.name
    if actor not in _ACTORS:
        return None
    return Naming(f"{actor}_{emotion}{sentence}", _EMOTIONS[emotion], actor, "M")
