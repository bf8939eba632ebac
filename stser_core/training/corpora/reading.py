"""Shared by all corpus readers: finding and reading files, the names of emotions, and checking clips."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stser_core.emotions import LABELS
from stser_core.errors import DataError, reason
from stser_core.files import SOUND_SUFFIXES
from stser_core.training.clip import Clip, Corpus

_MERGES = {
    **dict.fromkeys(("anger", "ang"), "angry"),
    **dict.fromkeys(("happiness", "hap", "excited", "excitement", "exc", "joy", "joyful", "amusement"), "happy"),
    **dict.fromkeys(("neu", "no emotion"), "neutral"),
    **dict.fromkeys(("sadness", "grief"), "sad"),
}
"""Excited is merged into happy, as in the paper's four-class IEMOCAP."""


def require_folder(corpus: str, directory: Path) -> None:
    """Refuse a corpus folder that is not there, by a `DataError`."""
    if not directory.is_dir():
        raise DataError(f"{corpus}: {directory} is not a folder; give the folder that holds the corpus.")


def visible_files(directory: Path) -> list[Path]:
    """All files below a folder, in order, without hidden ones and folders, such as the `._` files that macOS leaves."""
    return sorted(
        path
        for path in directory.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(directory).parts) and path.is_file()
    )


def sound_files(directory: Path) -> list[Path]:
    """All visible recordings below a folder, whatever their format, in a fixed order."""
    return [path for path in visible_files(directory) if path.suffix.lower() in SOUND_SUFFIXES]


def read_text(path: Path) -> str:
    """Read a text file as UTF-8 (with or without a byte order mark), or as Latin-1 where it is not UTF-8.

    Old releases mix both; Latin-1 gives every byte a meaning, so nothing is lost. UTF-16 is refused by a `DataError`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({reason(error)}).") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is UTF-16; save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; only line feeds and carriage returns end one."""
    return io.StringIO(read_text(path), newline=None).read().split("\n")


def read_table(path: Path, delimiter: str = ",") -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns and the rows of a table with a header, each row with the number of its last line.

    Names and cells are without surrounding blanks, names in lower case; cells missing at a row's end are empty.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter)
    rows = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if again := [name for name in dict.fromkeys(header) if name and header.count(name) > 1]:
            raise DataError(f"{path} has the column {again[0]} twice; rename or remove one.")
        for cells in reader:
            if len(cells) > len(header):
                raise DataError(f"{path}, line {reader.line_num}: more cells than columns; quote the text.")
            if cells:
                padded = cells + [""] * (len(header) - len(cells))
                row = {name: cell.strip() for name, cell in zip(header, padded, strict=True)}
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; close every quotation mark.") from error
    return header, rows


def merge(word: str) -> str | None:
    """Map a corpus's word or code for an emotion, in any case, to one of `LABELS`, or to `None` for another emotion."""
    folded = word.strip().lower()
    return folded if folded in LABELS else _MERGES.get(folded)


def labelled(clips: Iterable[Clip]) -> tuple[list[Clip], Counter[str]]:
    """Merge the labels of clips, which are their corpus's words; counts those of other emotions by their word."""
    merged = [(clip, merge(clip.label)) for clip in clips]
    kept = [replace(clip, label=label) for clip, label in merged if label is not None]
    return kept, Counter(clip.label.lower() for clip, label in merged if label is None)


def some(names: Sequence[object]) -> str:
    """Name the first few of many in a message: `a, b, c and 7 more`."""
    shown = ", ".join(map(str, names[:3]))
    return f"{shown} and {len(names) - 3:,} more" if len(names) > 3 else shown


def assemble(
    name: str,
    source: Path,
    clips: Sequence[Clip],
    left_out: Mapping[str, int],
    notes: Sequence[str] = (),
    published: Mapping[str, int] | None = None,
) -> Corpus:
    """Put a corpus's clips into one; raises `DataError` where there are none, or recordings are missing.

    `left_out` counts clips by the reason, `published` those of each label in the published corpus.
    """
    if not clips:
        reasons = ", ".join(f"{why} {count:,}" for why, count in Counter(left_out).most_common())
        raise DataError(
            f"{name}: {source} holds no clip that is {', '.join(LABELS)}{reasons and f' (left out: {reasons})'}; "
            "check that this is the corpus's own folder."
        )
    try:
        missing = [clip.path for clip in clips if clip.path is not None and not clip.path.is_file()]
    except OSError as error:
        raise DataError(f"{name}: a recording of {source} cannot be looked for ({reason(error)}).") from error
    if missing:
        raise DataError(f"{name}: {len(missing):,} recordings of {source} are missing: {some(missing)}.")
    corpus = Corpus(tuple(sorted(clips, key=lambda clip: clip.id)), dict(sorted(left_out.items())), tuple(notes))
    if published is None or corpus.counts == published:
        return corpus
    expected, found = (
        f"{sum(counts.values()):,} clips ({', '.join(f'{label} {counts[label]:,}' for label in LABELS)})"
        for counts in (published, corpus.counts)
    )
    note = f"{name}: EXPECTED {expected}, FOUND {found}; results on it do not compare with published ones."
    return replace(corpus, notes=(*notes, note))
