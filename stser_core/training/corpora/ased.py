"""ASED: 65 speakers of Amharic (Retta et al. 2023, https://doi.org/10.1145/3529759).

File names are `n1-06-01-02-61.wav`: the emotion's letter and number, sentence, repetition, gender (01 woman,
02 man), speaker. Case varies in the release (`S4-04-02-01-29.wav`), and the gender field of a few clips
contradicts the speaker's others. The sentences differ by emotion and no transcripts are published, so clips have
no text.
"""

from __future__ import annotations

import re
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names

_CORPUS = NamedCorpus(
    name="ased",
    language="am",
    example="n1-06-01-02-61.wav",
    published={"angry": 486, "happy": 486, "neutral": 522, "sad": 470},
)
_NAME = re.compile(r"([nfhsa])\d-(\d\d)-(\d\d)-(0[12])-(\d\d)", re.IGNORECASE)
_EMOTIONS = {"n": "neutral", "f": "fearful", "h": "happy", "s": "sad", "a": "angry"}
_GENDERS = {"01": "F", "02": "M"}


def read(directory: Path) -> Corpus:
    """Read ASED from a folder with its recordings at any depth.

    Raises:
        DataError: The folder is missing, holds no recording of ASED, or one twice.
    """
    return read_names(_CORPUS, directory, _parse)


def _parse(path: Path) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    emotion, _, _, gender, speaker = match.groups()
    return Naming(path.stem.lower(), _EMOTIONS[emotion.lower()], speaker, _GENDERS[gender])
