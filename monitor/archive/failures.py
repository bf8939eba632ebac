"""`failures.csv`: the recordings that could not be read, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path

from monitor.timeline.cells import neutralised, unneutralised
from stser_core.files import written

_HEADER = ("recording", "reason")


class Failures:
    """The list, which is written as a whole; each run tries what is on it again."""

    def __init__(self, path: Path, aside: Path, still: Collection[str]) -> None:
        """Take up the list that an earlier run has left, if there is one.

        Args:
            path: The list.
            aside: Folder for temporary files; see `stser_core.files.written`.
            still: The recordings that are not done; only these stay on the list.
        """
        self._path = path
        self._aside = aside
        before = read_failures(path)
        self._reasons = {recording: reason for recording, reason in before.items() if recording in still}
        self._written = path.exists() and self._reasons == before

    def __len__(self) -> int:
        return len(self._reasons)

    def add(self, recording: str, reason: str) -> None:
        """Put a recording on the list."""
        self._reasons[recording] = reason
        self._written = False

    def remove(self, recording: str) -> None:
        """A recording could be read after all."""
        if self._reasons.pop(recording, None) is not None:
            self._written = False

    def write(self) -> None:
        """Write the list if it has changed.

        Raises:
            OutputError: It cannot be written.
        """
        if self._written:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(tuple(map(neutralised, row)) for row in sorted(self._reasons.items()))
        with written(self._path, self._aside) as file:
            file.write(text.getvalue().encode("utf-8", errors="backslashreplace"))
        self._written = True


def read_failures(path: Path) -> dict[str, str]:
    """What such a list says: a reason for each recording; nothing where there is no list."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))
    return {unneutralised(row[0]): unneutralised(row[1]) for row in rows[1:] if len(row) == len(_HEADER)}
