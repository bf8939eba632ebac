"""CREMA-D: 91 actors, twelve sentences (Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244).

File names are `1001_DFA_ANG_XX.wav`: actor, sentence, emotion, intensity (LO, MD, HI, XX = not stated; one file
of the release, `1040_ITH_SAD_X.wav`, lacks a letter). `VideoDemographics.csv`, where it is there, tells the
actors' genders.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names
from stser_core.training.corpora.files import read_table

_CORPUS = NamedCorpus(
    name="crema-d",
    language="en",
    example="1001_DFA_ANG_XX.wav",
    published={"angry": 1271, "happy": 1271, "neutral": 1087, "sad": 1271},
)
_NAME = re.compile(r"(\d{4})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX?)")
_EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
_GENDERS = ("Female", "Male")
_DEMOGRAPHICS = "VideoDemographics.csv"


def read(directory: Path) -> Corpus:
    """Read CREMA-D from its repository's folder or from `AudioWAV` itself.

    The repository holds every clip as WAV and as MP3; where there is a folder `AudioWAV`, only that is read.

    Raises:
        DataError: The folder is missing, holds no recording of CREMA-D, or one twice.
    """
    waves = directory / "AudioWAV"
    recordings = waves if waves.is_dir() else directory
    return read_names(_CORPUS, recordings, partial(_parse, genders=_genders(directory)))


def _parse(path: Path, genders: dict[str, str]) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    actor, sentence, emotion = match.groups()
    return Naming(path.stem, _EMOTIONS[emotion], actor, genders.get(actor), _SENTENCES.get(sentence))


def _genders(directory: Path) -> dict[str, str]:
    for folder in (directory, directory.parent):
        table = folder / _DEMOGRAPHICS
        if table.is_file():
            return {row["actorid"]: row["sex"][0] for _, row in read_table(table) if row["sex"] in _GENDERS}
    return {}
