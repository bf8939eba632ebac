"""EmoDB: ten German actors, ten sentences (Burkhardt et al. 2005, https://doi.org/10.21437/Interspeech.2005-446).

File names are `03a01Fa.wav`: speaker, sentence, the first letter of the German word for the emotion, and a letter
for the take.
"""

from __future__ import annotations

import re
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names

_CORPUS = NamedCorpus(
    name="emodb",
    language="de",
    example="03a01Fa.wav",
    published={"angry": 127, "happy": 71, "neutral": 79, "sad": 62},
)
_NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])[a-z]?")
_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_WOMEN = frozenset({"08", "09", "13", "14", "16"})
_MEN = frozenset({"03", "10", "11", "12", "15"})
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def read(directory: Path) -> Corpus:
    """Read EmoDB from a folder with its recordings at any depth.

    Raises:
        DataError: The folder is missing, holds no recording of EmoDB, or one twice.
    """
    return read_names(_CORPUS, directory, _parse)


def _parse(path: Path) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    speaker, sentence, emotion = match.groups()
    return Naming(path.stem, _EMOTIONS[emotion], speaker, _gender(speaker), _SENTENCES.get(sentence))


def _gender(speaker: str) -> str | None:
    if speaker in _WOMEN:
        return "F"
    return "M" if speaker in _MEN else None
