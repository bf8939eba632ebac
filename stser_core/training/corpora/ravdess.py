"""RAVDESS: 24 actors, two sentences (Livingstone and Russo 2018, https://doi.org/10.5281/zenodo.1188976).

File names are seven numbers, `03-01-04-01-01-02-17.wav`: modality (03 = sound only), channel (01 = speech,
02 = song), emotion, intensity, statement, repetition, actor (odd numbers are men). Calm is left out, and so are
songs and the sound of the videos, which is that of the sound files once more.
"""

from __future__ import annotations

import re
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names

_CORPUS = NamedCorpus(
    name="ravdess",
    language="en",
    example="03-01-04-01-01-02-17.wav",
    published={"angry": 192, "happy": 192, "neutral": 96, "sad": 192},
)
_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
_SOUND_ONLY, _SPEECH = "03", "01"
_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def read(directory: Path) -> Corpus:
    """Read RAVDESS from a folder that holds `Actor_01` to `Actor_24` at any depth.

    Raises:
        DataError: The folder is missing, holds no recording of RAVDESS, or one twice.
    """
    return read_names(_CORPUS, directory, _parse)


def _parse(path: Path) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    modality, channel, emotion, _, statement, _, actor = match.groups()
    return Naming(
        clip=path.stem,
        emotion=_what(modality, channel, emotion),
        speaker=actor,
        gender="M" if int(actor) % 2 else "F",
        text=_SENTENCES[statement],
    )


def _what(modality: str, channel: str, emotion: str) -> str:
    if modality != _SOUND_ONLY:
        return "sound of a video"
    return _EMOTIONS[emotion] if channel == _SPEECH else "song"
