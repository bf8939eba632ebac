"""nEMO: nine Polish actors, ninety sentences (Christop 2024, https://github.com/amu-cai/nEMO).

File names are `EB0_neutral_13.wav`: speaker, emotion, sentence. `data.tsv`, where it is there, gives each file's
sentence (`raw_text`) and its speaker's gender.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from stser_core.training.clip import Corpus
from stser_core.training.corpora.file_names import NamedCorpus, Naming, read_names
from stser_core.training.corpora.files import read_table

_CORPUS = NamedCorpus(
    name="nemo",
    language="pl",
    example="EB0_neutral_13.wav",
    published={"angry": 749, "happy": 749, "neutral": 809, "sad": 769},
)
_NAME = re.compile(r"([A-Z]{2}\d)_(anger|fear|happiness|sadness|surprised|neutral)_(\d+)")
_WOMEN = frozenset({"EB0", "IC0", "KD0", "MK0"})
_MEN = frozenset({"KS0", "MP0", "SM0", "TP0", "WR0"})


def read(directory: Path) -> Corpus:
    """Read nEMO from its repository's folder or from `samples` itself.

    Raises:
        DataError: The folder is missing, holds no recording of nEMO, or one twice.
    """
    return read_names(_CORPUS, directory, partial(_parse, sentences=_sentences(directory)))


def _parse(path: Path, sentences: Mapping[str, str]) -> Naming | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    speaker, emotion, _ = match.groups()
    return Naming(path.stem, emotion, speaker, _gender(speaker), sentences.get(path.stem))


def _sentences(directory: Path) -> dict[str, str]:
    for folder in (directory, directory.parent):
        table = folder / "data.tsv"
        if table.is_file():
            rows = read_table(table, delimiter="\t")
            return {Path(row["file_id"]).stem: row["raw_text"] for _, row in rows if row["raw_text"]}
    return {}


def _gender(speaker: str) -> str | None:
    if speaker in _WOMEN:
        return "F"
    return "M" if speaker in _MEN else None
