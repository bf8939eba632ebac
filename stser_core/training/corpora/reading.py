"""Shared by all corpus readers: finding and reading files, and checking clips."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip, Corpus

SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".amr", ".webm"}
)
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".flv"})

_NAMED_IN_A_MESSAGE = 3


def require_folder(corpus: str, directory: Path) -> None:
    """Refuse a corpus folder that is not there, by a `DataError`."""
    if not directory.is_dir():
        raise DataError(f"{corpus}: {directory} is not a folder; give the folder that holds the corpus.")


def visible_files(directory: Path) -> list[Path]:
    """All files below a folder in a fixed order, without hidden ones.

    What starts with a dot is skipped, files and folders alike: among them are the `._` files (AppleDouble)
    that macOS leaves beside the real ones.
    """
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
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
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

    Column names are lower case without surrounding blanks, and so are cells without theirs; cells that are
    missing at a row's end are empty.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter)
    rows = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
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


def some(names: Sequence[object]) -> str:
    """Name the first few of many in a message: `a, b, c and 7 more`."""
    shown = ", ".join(str(name) for name in names[:_NAMED_IN_A_MESSAGE])
    rest = len(names) - _NAMED_IN_A_MESSAGE
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def assemble(
    name: str,
    source: Path,
    clips: Sequence[Clip],
    left_out: Mapping[str, int],
    notes: Sequence[str] = (),
    published: Mapping[str, int] | None = None,
) -> Corpus:
    """Check the clips, and put them into a corpus.

    Args:
        name: Of the corpus.
        source: Where it was read from.
        clips: In any order.
        left_out: How many were left out, by the reason.
        notes: For whoever trains on it.
        published: How many clips of each label the published corpus has.

    Raises:
        DataError: It has no clips, or the same clip twice.
    """
    if not clips:
        raise DataError(
            f"{name}: {source} holds no clip that is {', '.join(LABELS)}{_other_emotions(left_out)}; "
            "check that this is the corpus's own folder."
        )
    _refuse_duplicates(name, clips)
    ordered = tuple(sorted(clips, key=lambda clip: clip.id))
    corpus = Corpus(name, ordered, dict(sorted(left_out.items())))
    found_notes = (*notes, *_gender_notes(corpus), *_count_notes(corpus, published))
    return Corpus(name, ordered, corpus.left_out, found_notes)


def _refuse_duplicates(name: str, clips: Sequence[Clip]) -> None:
    by_id: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_id[clip.id].append(clip)
    doubled = {clip_id: same for clip_id, same in by_id.items() if len(same) > 1}
    if doubled:
        first, same = next(iter(doubled.items()))
        places = " and ".join(str(clip.path) for clip in same[:2] if clip.path) or "two entries"
        raise DataError(
            f"{name}: {len(doubled):,} clips are there more than once, the first is {first} ({places}); "
            "remove the copies."
        )


def _gender_notes(corpus: Corpus) -> list[str]:
    genders: dict[str, set[str]] = defaultdict(set)
    for clip in corpus.clips:
        if clip.gender:
            genders[clip.speaker].add(clip.gender)
    both = sorted(speaker for speaker, found in genders.items() if len(found) > 1)
    if not both:
        return []
    return [f"{corpus.name}: the clips of {some(both)} disagree about the speaker's gender."]


def _count_notes(corpus: Corpus, published: Mapping[str, int] | None) -> list[str]:
    if published is None or corpus.counts == dict(published):
        return []
    return [
        f"{corpus.name}: EXPECTED {_listed(published)}, FOUND {_listed(corpus.counts)}; "
        "results on it do not compare with published ones."
    ]


def _listed(counts: Mapping[str, int]) -> str:
    each = ", ".join(f"{label} {counts[label]:,}" for label in LABELS)
    return f"{sum(counts.values()):,} clips ({each})"


def _other_emotions(left_out: Mapping[str, int]) -> str:
    if not left_out:
        return ""
    listed = ", ".join(f"{reason} {count:,}" for reason, count in Counter(left_out).most_common())
    return f" (left out: {listed})"
