"""A manifest: any other corpus as one table, separated by commas, semicolons or tabs, with a header.

    path,text,label,speaker,session,split

`path` is relative to the manifest's folder and may be empty, and so may `text`, but not both. `label` is an emotion
in any corpus's words (`emotion` serves where there is no `label`); rows of other emotions are left out and counted.
Columns `angry`, `happy`, `neutral`, `sad` hold how many annotators chose each, or their proportion
(`Clip.label_distribution`); the label is then what most chose, unless it is given. `speaker`, `session`, `split`
(train, validation, test), `id`, `corpus`, `gender` and `language` may be missing; other columns are ignored.

A text without a speaker is its own speaker, since nothing of a speaker could leak. Recordings without a speaker all
count as one speaker, which folds keep on one side; a note says so.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stser_core.emotions import LABELS
from stser_core.errors import DataError, reason
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.reading import assemble, merge, read_table, read_text

_NAME = "manifest"
_FILES = ("manifest.csv", "manifest.tsv")
_NOBODY = "unknown"
_SPLITS = {
    **{"": None, "train": "train", "training": "train"},
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    "test": "test",
}
_GENDERS = {"": None, "f": "F", "female": "F", "m": "M", "male": "M"}


@dataclass(frozen=True)
class _Row:
    """One line of the table: its cells without surrounding blanks, and where it stands."""

    manifest: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def wrong(self, what: str) -> DataError:
        return DataError(f"{_NAME}: {self.manifest}, line {self.line}: {what}")


def read(source: Path) -> Corpus:
    """Read a manifest."""
    manifest = _table(source)
    clips: list[Clip] = []
    left_out: Counter[str] = Counter()
    for row in _rows(manifest):
        distribution = _distribution(row)
        word = row["label"] or row["emotion"] or (LABELS[distribution.index(max(distribution))] if distribution else "")
        if not word:
            raise row.wrong("no label; give each row one.")
        if label := merge(word):
            clips.append(_clip(row, label, distribution))
        else:
            left_out[word.lower()] += 1
    nobody = sum(clip.path is not None and clip.speaker == f"{clip.corpus}_{_NOBODY}" for clip in clips)
    note = f"{_NAME}: {nobody:,} recordings name no speaker; they count as one speaker."
    return assemble(_NAME, manifest, clips, left_out, [note] if nobody else [])


def _table(source: Path) -> Path:
    try:
        for path in (source, *(source / name for name in _FILES)):
            if path.is_file():
                return path
        if not source.exists():
            raise DataError(f"{_NAME}: {source} does not exist; give the table, or the folder that holds it.")
    except OSError as error:
        raise DataError(f"{_NAME}: {source} cannot be read ({reason(error)}).") from error
    raise DataError(f"{_NAME}: {source} is not a table and holds no {' or '.join(_FILES)}; give the table itself.")


def _rows(manifest: Path) -> list[_Row]:
    head = read_text(manifest).partition("\n")[0]
    delimiter = next((one for one in "\t;" if one in head), ",")
    columns, table = read_table(manifest, delimiter)
    if not {"label", "emotion", *LABELS} & set(columns) or not {"path", "text"} & set(columns):
        raise DataError(f"{_NAME}: {manifest} needs a column label and a column path or text in its first line.")
    rows = [_Row(manifest, line, cells) for line, cells in table]
    for row in rows:
        if delimiter == "\t" and any("\n" in cell for cell in row.cells.values()):
            raise row.wrong("a cell runs over several lines; close or double its quotation marks.")
    return rows


def _distribution(row: _Row) -> tuple[float, ...] | None:
    """The proportion of each label among the annotators; `None` where the table does not say."""
    try:
        counts = [float(row[label] or 0) for label in LABELS]
    except ValueError:
        counts = [-1.0]
    if not all(0 <= count < float("inf") for count in counts):
        raise row.wrong(f"{', '.join(LABELS)} count annotators, or are proportions of them: numbers from 0 on.")
    total = sum(counts)
    return tuple(count / total for count in counts) if total else None


def _clip(row: _Row, label: str, distribution: tuple[float, ...] | None) -> Clip:
    if not row["path"] and not row["text"]:
        raise row.wrong("neither path nor text; give one of them.")
    corpus = row["corpus"] or _NAME
    name = row["id"] or (Path(row["path"]).with_suffix("").as_posix() if row["path"] else f"line{row.line}")
    clip_id = name if name.startswith(f"{corpus}/") else f"{corpus}/{name}"
    path = row.manifest.parent / row["path"]
    if "\\" in row["path"] and not path.exists():  # Windows' separators, on another system
        path = path.parent / path.name.replace("\\", "/")
    return Clip(
        id=clip_id,
        path=path if row["path"] else None,
        text=row["text"] or None,
        label=label,
        speaker=row["speaker"] or (f"{corpus}_{_NOBODY}" if row["path"] else clip_id),
        session=row["session"] or None,
        split=_one_of(row, "split", _SPLITS),
        language=row["language"].lower() or None,
        corpus=corpus,
        gender=_one_of(row, "gender", _GENDERS),
        label_distribution=distribution,
    )


def _one_of(row: _Row, column: str, known: Mapping[str, str | None]) -> str | None:
    word = row[column].lower()
    if word not in known:
        raise row.wrong(f"{column} {row[column]!r} is not known; use one of {', '.join(filter(None, known))}.")
    return known[word]
