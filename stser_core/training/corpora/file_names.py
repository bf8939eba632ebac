"""Corpora whose files' names say everything: speaker, emotion and often the sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stser_core.emotions import merge
from stser_core.errors import DataError
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.assemble import assemble
from stser_core.training.corpora.files import require_folder, some, sound_files


@dataclass(frozen=True)
class Naming:
    """What one file's name says.

    Attributes:
        clip: The clip's name within its corpus.
        emotion: The corpus's word for the emotion, or the reason for which the file is left out.
        speaker: The speaker's name within the corpus.
        gender: `F`, `M` or `None`.
        text: The sentence, where the name or the corpus's table tells it.
    """

    clip: str
    emotion: str
    speaker: str
    gender: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class NamedCorpus:
    """A corpus of files with telling names.

    Attributes:
        name: The corpus's name.
        language: Two-letter code.
        example: A file name as in the release, for the message when none is found.
        published: Number of clips of each label in the published corpus.
    """

    name: str
    language: str
    example: str
    published: Mapping[str, int]


def read_names(corpus: NamedCorpus, directory: Path, parse: Callable[[Path], Naming | None]) -> Corpus:
    """Read a corpus by its file names.

    Args:
        corpus: What is known about it.
        directory: A folder with the recordings at any depth.
        parse: Says what a file's name means, or `None` for a name that is not the corpus's.

    Raises:
        DataError: The folder is missing, holds no recording with such a name, or one twice.
    """
    require_folder(corpus.name, directory)
    clips: list[Clip] = []
    left_out: Counter[str] = Counter()
    unknown: list[str] = []
    for path in sound_files(directory):
        naming = parse(path)
        if naming is None:
            unknown.append(path.name)
        elif (label := merge(naming.emotion)) is None:
            left_out[naming.emotion] += 1
        else:
            clips.append(_clip(corpus, path, label, naming))
    if not clips and not left_out:
        raise DataError(_nothing(corpus, directory, unknown))
    notes = [_unknown_note(corpus, unknown)] if unknown else []
    return assemble(corpus.name, directory, clips, left_out, notes, corpus.published)


def _clip(corpus: NamedCorpus, path: Path, label: str, naming: Naming) -> Clip:
    return Clip(
        id=f"{corpus.name}/{naming.clip}",
        path=path,
        text=naming.text,
        label=label,
        speaker=f"{corpus.name}_{naming.speaker}",
        session=None,
        split=None,
        language=corpus.language,
        corpus=corpus.name,
        gender=naming.gender,
    )


def _nothing(corpus: NamedCorpus, directory: Path, unknown: list[str]) -> str:
    instead = f", only {some(unknown)}" if unknown else ""
    return f"{corpus.name}: {directory} holds no recording named like {corpus.example}{instead}; check the folder."


def _unknown_note(corpus: NamedCorpus, unknown: list[str]) -> str:
    return f"{corpus.name}: {len(unknown):,} recordings are not named like {corpus.example}: {some(unknown)}."
