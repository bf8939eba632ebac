"""MELD: dialogues of a television series (Poria et al. 2019, https://doi.org/10.18653/v1/P19-1050).

`train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv` give each utterance's words, speaker and emotion;
the recordings are `dia0_utt0.mp4` (or any sound format) below a folder for each part, such as `train_splits`,
`dev_splits_complete` and `output_repeated_splits_test`. Numbers start anew in each part. The same people speak in
all three parts, so the published parts are not a speaker-independent split.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stser_core.errors import DataError
from stser_core.files import RECORDING_SUFFIXES, SOUND_SUFFIXES
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.reading import assemble, labelled, read_table, require_folder, some, visible_files

_NAME = "meld"
_PUBLISHED = {"angry": 1607, "happy": 2308, "neutral": 6436, "sad": 1002}
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_COLUMNS = ("utterance", "speaker", "emotion", "dialogue_id", "utterance_id")
_RECORDING = re.compile(r"dia(\d+)_utt(\d+)")
_WITHOUT_SOUND = frozenset({"meld/dev_dia110_utt7", "meld/train_dia125_utt3"})
"""One recording is missing from the release, and one cannot be decoded."""


def read(directory: Path) -> Corpus:
    """Read MELD's tables and, where they are, its recordings.

    Without any recording the corpus is one of texts only, and a note says so.
    """
    require_folder(_NAME, directory)
    files = visible_files(directory)
    tables = {part: path for part in _SPLITS for path in files if path.name == f"{part}_sent_emo.csv"}
    if not tables:
        raise DataError(f"{_NAME}: {directory} holds no train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv.")
    recordings = _recordings(directory, files)
    clips, left_out = labelled(clip for part, table in tables.items() for clip in _clips(part, table, recordings))
    missing = [f"{part}_sent_emo.csv" for part in _SPLITS if part not in tables]
    notes = [f"{_NAME}: {', '.join(missing)} missing."] if missing else []
    silent = [clip.id for clip in clips if clip.path is None and clip.id not in _WITHOUT_SOUND]
    if clips and all(clip.path is None for clip in clips):
        notes.append(f"{_NAME}: no recording below {directory}; its clips are texts only.")
    elif silent:
        raise DataError(f"{_NAME}: {len(silent):,} recordings are missing below {directory}: {some(silent)}.")
    return assemble(_NAME, directory, clips, left_out, notes, _PUBLISHED)


def _clips(part: str, table: Path, recordings: Mapping[str, Path]) -> Iterator[Clip]:
    columns, rows = read_table(table)
    lacking = [column for column in _COLUMNS if column not in columns]
    if lacking:
        raise DataError(f"{_NAME}: {table} has no column {', '.join(lacking)}; take the table of the release.")
    for line, row in rows:
        if not row["dialogue_id"].isdigit() or not row["utterance_id"].isdigit():
            raise DataError(f"{_NAME}: {table}, line {line} has no dialogue or utterance number.")
        clip_id = _id(part, row["dialogue_id"], row["utterance_id"])
        yield Clip(
            id=clip_id,
            path=None if clip_id in _WITHOUT_SOUND else recordings.get(clip_id),
            text=row["utterance"] or None,
            label=row["emotion"],
            speaker=f"{_NAME}_{row['speaker']}",
            split=_SPLITS[part],
            language="en",
            corpus=_NAME,
        )


def _recordings(directory: Path, files: list[Path]) -> dict[str, Path]:
    """Recordings by the ids of their clips; a sound file goes before the video it was taken from."""
    found: dict[str, Path] = {}
    for path in files:
        match = _RECORDING.fullmatch(path.stem)
        folders = [name.lower() for name in reversed(path.relative_to(directory).parent.parts)]  # the innermost tells
        part = next((part for name in folders for part in _SPLITS if part in name), None)
        if match is None or part is None or path.suffix.lower() not in RECORDING_SUFFIXES:
            continue
        clip_id, is_sound = _id(part, match[1], match[2]), path.suffix.lower() in SOUND_SUFFIXES
        other = found.get(clip_id)
        if other is not None and (other.suffix.lower() in SOUND_SUFFIXES) == is_sound:
            raise DataError(f"{_NAME}: {other} and {path} are the same utterance; remove the copy.")
        if other is None or is_sound:
            found[clip_id] = path
    return found


def _id(part: str, dialogue: str, utterance: str) -> str:
    """A clip's id, with numbers that have no leading zeros."""
    return f"{_NAME}/{part}_dia{int(dialogue)}_utt{int(utterance)}"
