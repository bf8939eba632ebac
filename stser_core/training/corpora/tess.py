"""TESS: two actresses, 200 words (Pichora-Fuller and Dupuis 2020, https://doi.org/10.5683/SP2/E8H2MF).

File names are `OAF_back_angry.wav`: actress (OAF older, YAF younger), the word after "Say the word …", emotion.
One file of the release is misnamed, `OA_bite_neutral.wav`; `ps` is pleasant surprise.
"""

from __future__ import annotations

import re
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names

_CORPUS = NamedCorpus(
    name="tess",
    language="en",
    example="OAF_back_angry.wav",
    published={"angry": 400, "happy": 400, "neutral": 400, "sad": 400},
)
_NAME = re.compile(r"(OAF?|YAF)_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)", re.IGNORECASE)


def read(directory: Path) -> Corpus:
    """Read TESS from a folder with its recordings at any depth.

    Raises:
        DataError: The folder is missing, holds no recording of TESS, or one twice.
    """
    return read_names(_CORPUS, directory, _parse)


def _parse(path: Path) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    actress, word, emotion = match.groups()
    return Naming(
        clip=path.stem,
        emotion=emotion.lower(),
        speaker="YAF" if actress.upper() == "YAF" else "OAF",
        gender="F",
        text=f"Say the word {word.lower()}",
    )
