"""Acted corpora whose files' names say everything: speaker, emotion and often the sentence.

| reader | corpus | a file's name |
| --- | --- | --- |
| ravdess | 24 actors, two sentences (Livingstone and Russo 2018, https://doi.org/10.5281/zenodo.1188976) | modality (03 = sound only), channel (01 = speech, 02 = song), emotion, intensity, statement, repetition, actor (odd numbers are men) |
| crema-d | 91 actors, twelve sentences (Cao et al. 2014, https://doi.org/10.1109/TAFFC.2014.2336244) | actor, sentence, emotion, intensity (one file, `1040_ITH_SAD_X.wav`, lacks a letter); `VideoDemographics.csv` has the genders |
| emodb | ten German actors, ten sentences (Burkhardt et al. 2005, https://doi.org/10.21437/Interspeech.2005-446) | speaker, sentence, first letter of the German word for the emotion, take |
| nemo | nine Polish actors, ninety sentences (Christop 2024, https://github.com/amu-cai/nEMO) | speaker, emotion, sentence; `data.tsv` has the sentences |
| ased | 65 speakers of Amharic (Retta et al. 2023, https://doi.org/10.1145/3529759) | emotion's letter and number, sentence, repetition, gender, speaker; its sentences differ by emotion |
| tess | two actresses, 200 words (Pichora-Fuller and Dupuis 2020, https://doi.org/10.5683/SP2/E8H2MF) | actress, word, emotion (`ps` is pleasant surprise); one file is misnamed, `OA_bite_neutral.wav` |
| savee | four English actors (Haq and Jackson 2010, http://kahlan.eps.surrey.ac.uk/savee/) | actor (or the folder's name), emotion (`s` alone does not exist), sentence |
"""  # noqa: E501 (a table)

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.reading import assemble, labelled, read_table, require_folder, some, sound_files

Parts = tuple[str, ...]


class Naming(NamedTuple):
    """The meaning of a file's name; the emotion is the corpus's word for it, or why the file is left out."""

    clip: str
    emotion: str
    speaker: str
    gender: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class NamedCorpus:
    """A corpus whose file names say who speaks and which emotion."""

    name: str
    language: str  # two letters
    example: str  # a file name as in the release
    published: tuple[int, int, int, int]  # number of clips of each of LABELS
    pattern: str  # of the names, without their ending
    # from a file, the pattern's groups, and what `tables` found; None for a name that is not the corpus's
    meaning: Callable[[Path, Parts, Mapping[str, str]], Naming | None]
    # reads what lies beside the recordings: genders by speaker, or sentences by file
    tables: Callable[[Path], Mapping[str, str]] = lambda _: {}
    recordings: str = ""  # their folder within the corpus's own, where that holds other copies, too


def read_named(corpus: NamedCorpus, directory: Path) -> Corpus:
    """Read a corpus from a folder with its recordings at any depth."""
    require_folder(corpus.name, directory)
    inner = directory / corpus.recordings
    found = corpus.tables(directory)
    told: list[Clip] = []
    unknown: list[str] = []
    for path in sound_files(inner if inner.is_dir() else directory):
        match = re.fullmatch(corpus.pattern, path.stem)
        if match is None or (naming := corpus.meaning(path, match.groups(), found)) is None:
            unknown.append(path.name)
            continue
        told.append(
            Clip(
                id=f"{corpus.name}/{naming.clip}",
                path=path,
                text=naming.text,
                label=naming.emotion,
                speaker=f"{corpus.name}_{naming.speaker}",
                language=corpus.language,
                corpus=corpus.name,
                gender=naming.gender,
            )
        )
    named = f"named like {corpus.example}"
    if not told:
        instead = f", only {some(unknown)}" if unknown else ""
        raise DataError(f"{corpus.name}: {directory} holds no recording {named}{instead}; check the folder.")
    notes = [f"{corpus.name}: {len(unknown):,} recordings are not {named}: {some(unknown)}."] if unknown else []
    clips, left_out = labelled(told)
    published = dict(zip(LABELS, corpus.published, strict=True))
    return assemble(corpus.name, directory, clips, left_out, notes, published)


def _table(directory: Path, name: str, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table in a corpus's folder or beside it; none where it is not there."""
    found = [folder / name for folder in (directory, directory.parent) if (folder / name).is_file()]
    return [row for _, row in read_table(found[0], delimiter)[1]] if found else []


_RAVDESS_EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
_RAVDESS_SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def _ravdess(path: Path, parts: Parts, _: Mapping[str, str]) -> Naming:
    """Songs are left out, and so is the sound of the videos, which is that of the sound files once more."""
    modality, channel, number, _intensity, statement, _repetition, actor = parts
    emotion = _RAVDESS_EMOTIONS[int(number) - 1] if channel == "01" else "song"
    emotion = emotion if modality == "03" else "sound of a video"
    return Naming(path.stem, emotion, actor, "M" if int(actor) % 2 else "F", _RAVDESS_SENTENCES[statement])


_CREMA_D_EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_CREMA_D_SENTENCES = {
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


def _crema_d(path: Path, parts: Parts, genders: Mapping[str, str]) -> Naming:
    actor, sentence, emotion = parts
    text = _CREMA_D_SENTENCES.get(sentence)
    return Naming(path.stem, _CREMA_D_EMOTIONS[emotion], actor, genders.get(actor), text)


def _crema_d_genders(directory: Path) -> dict[str, str]:
    rows = _table(directory, "VideoDemographics.csv")
    return {row["actorid"]: row["sex"][0] for row in rows if row["sex"] in ("Female", "Male")}


_EMODB_EMOTIONS = {
    **{"W": "anger", "L": "boredom", "E": "disgust", "A": "fear"},
    **{"F": "happiness", "T": "sadness", "N": "neutral"},
}
_EMODB_GENDERS = dict.fromkeys(("08", "09", "13", "14", "16"), "F") | dict.fromkeys(("03", "10", "11", "12", "15"), "M")
_EMODB_SENTENCES = {
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


def _emodb(path: Path, parts: Parts, _: Mapping[str, str]) -> Naming:
    speaker, sentence, emotion = parts
    gender, text = _EMODB_GENDERS.get(speaker), _EMODB_SENTENCES.get(sentence)
    return Naming(path.stem, _EMODB_EMOTIONS[emotion], speaker, gender, text)


_NEMO_GENDERS = {
    **dict.fromkeys(("EB0", "IC0", "KD0", "MK0"), "F"),
    **dict.fromkeys(("KS0", "MP0", "SM0", "TP0", "WR0"), "M"),
}
_ASED_EMOTIONS = {"n": "neutral", "f": "fearful", "h": "happy", "s": "sad", "a": "angry"}
_SAVEE_EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness"}


def _nemo(path: Path, parts: Parts, sentences: Mapping[str, str]) -> Naming:
    return Naming(path.stem, parts[1], parts[0], _NEMO_GENDERS.get(parts[0]), sentences.get(path.stem))


def _nemo_sentences(directory: Path) -> dict[str, str]:
    rows = _table(directory, "data.tsv", "\t")
    return {Path(row["file_id"]).stem: row["raw_text"] for row in rows if row["raw_text"]}


def _ased(path: Path, parts: Parts, _: Mapping[str, str]) -> Naming:
    emotion, gender, speaker = parts
    return Naming(path.stem.lower(), _ASED_EMOTIONS[emotion.lower()], speaker, {"01": "F", "02": "M"}[gender])


def _tess(path: Path, parts: Parts, _: Mapping[str, str]) -> Naming:
    actress, word, emotion = parts
    speaker = "YAF" if actress.upper() == "YAF" else "OAF"
    return Naming(path.stem, emotion.lower(), speaker, "F", f"Say the word {word.lower()}")


def _savee(path: Path, parts: Parts, _: Mapping[str, str]) -> Naming | None:
    actor, emotion, sentence = parts
    actor = actor or path.parent.name
    if actor not in ("DC", "JE", "JK", "KL"):
        return None
    return Naming(f"{actor}_{emotion}{sentence}", _SAVEE_EMOTIONS.get(emotion, "surprise"), actor, "M")


_CORPORA = (
    NamedCorpus(
        *("ravdess", "en", "03-01-04-01-01-02-17.wav", (192, 192, 96, 192)),
        r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)",
        _ravdess,
    ),
    NamedCorpus(
        *("crema-d", "en", "1001_DFA_ANG_XX.wav", (1271, 1271, 1087, 1271)),
        r"(\d{4})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(?:LO|MD|HI|XX?)",
        _crema_d,
        _crema_d_genders,
        "AudioWAV",  # the repository holds every clip as MP3, too
    ),
    NamedCorpus(*("emodb", "de", "03a01Fa.wav", (127, 71, 79, 62)), r"(\d\d)([ab]\d\d)([WLEAFTN])[a-z]?", _emodb),
    NamedCorpus(
        *("nemo", "pl", "EB0_neutral_13.wav", (749, 749, 809, 769)),
        r"([A-Z]{2}\d)_(anger|fear|happiness|sadness|surprised|neutral)_\d+",
        _nemo,
        _nemo_sentences,
    ),
    NamedCorpus(
        *("ased", "am", "n1-06-01-02-61.wav", (486, 486, 522, 470)),
        r"(?i:([nfhsa])\d-\d\d-\d\d-(0[12])-(\d\d))",
        _ased,
    ),
    NamedCorpus(
        *("tess", "en", "OAF_back_angry.wav", (400, 400, 400, 400)),
        r"(?i:(OAF?|YAF)_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad))",
        _tess,
    ),
    NamedCorpus(
        *("savee", "en", "DC_a01.wav or DC/a01.wav", (60, 60, 120, 60)),
        r"(?:(DC|JE|JK|KL)_)?(a|d|f|h|n|sa|su)(\d\d)",
        _savee,
    ),
)
NAMED = {corpus.name: partial(read_named, corpus) for corpus in _CORPORA}
"""The readers by name."""
