"""The two tables of an archive, all turns and all calls: folders of Parquet files that a glob reads.

Shard `n` of the calls and shard `n` of the turns hold the same recordings. Turns are written before their calls, and
taken away after them; so a process that is killed in between leaves turns too many at most, which the next one finds
and drops. What the shards lack beside the timelines, or hold of a recording that has been done again since, is put
right from the timelines; so are shards that an older program wrote with other columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.archive.calls import call_row, call_schema
from monitor.archive.folder import CALLS, TURNS, ArchiveFolder
from monitor.archive.scoring import Scored
from monitor.exporters.parquet import table
from monitor.timeline.file import read_timeline
from monitor.timeline.turn import SALIENT_COLUMNS
from stser_core.errors import DataError, MissingExtraError
from stser_core.files import written

if TYPE_CHECKING:
    import pyarrow

CALLS_A_SHARD = 500


def require_parquet() -> None:
    """Fail before the work rather than after it.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("An archive's tables", "parquet") from error


class Tables:
    """Both tables of an archive."""

    def __init__(self, folder: ArchiveFolder, *, explain: bool) -> None:
        """Read the existing shards, and repair what a killed process has left.

        Raises:
            DataError: A shard cannot be read.
        """
        self._folder = folder
        self.explain = explain
        self._held: dict[str, tuple[int, tuple[int, int]]] = {}
        for number in self._numbers(CALLS) | self._numbers(TURNS):
            self._take_up(number)

    def complete(self) -> None:
        """Bring the tables up to date: add what they lack, drop what was removed or done again."""
        finished = {one.recording: one for one in self._folder.finished()}
        current = {name: (one.size, one.modified_ns) for name, one in finished.items()}
        self._drop([name for name, (_, stamp) in self._held.items() if current.get(name) != stamp])
        lacking = [finished[name] for name in sorted(finished.keys() - self._held.keys())]
        for start in range(0, len(lacking), CALLS_A_SHARD):
            shard = lacking[start : start + CALLS_A_SHARD]
            self.add([Scored(one, read_timeline(self._folder.timeline(one.recording)).turns) for one in shard])

    def add(self, calls: Sequence[Scored]) -> None:
        """Add calls, in the place of those of the same recordings."""
        self._drop([call.recording for call in calls if call.recording in self._held])
        waiting = sorted(calls, key=lambda call: call.recording)
        number = max(self._numbers(CALLS), default=1)
        room = CALLS_A_SHARD - sum(held == number for held, _ in self._held.values())
        while waiting:
            if room <= 0:
                number, room = number + 1, CALLS_A_SHARD
            self._append(number, waiting[:room])
            waiting, room = waiting[room:], 0

    def _append(self, number: int, calls: Sequence[Scored]) -> None:
        import pyarrow

        turns = [turn for call in calls for turn in call.turns]
        columns = table([replace(turn, extra={}) for turn in turns])
        for name in SALIENT_COLUMNS if self.explain else ():
            values = pyarrow.array([turn.extra.get(name) for turn in turns], pyarrow.float64())
            columns = columns.append_column(name, values)
        rows = pyarrow.Table.from_pylist([call_row(call) for call in calls], call_schema())
        if self._path(CALLS, number).exists():
            columns = pyarrow.concat_tables([load(self._path(TURNS, number)), columns])
            rows = pyarrow.concat_tables([load(self._path(CALLS, number)), rows])
        self._save(TURNS, number, columns)
        self._save(CALLS, number, rows)
        for call in calls:
            self._held[call.recording] = number, (call.finished.size, call.finished.modified_ns)

    def _drop(self, names: Iterable[str]) -> None:
        import pyarrow
        from pyarrow import compute

        gone: dict[int, list[str]] = {}
        for name in names:
            gone.setdefault(self._held.pop(name)[0], []).append(name)
        for number, recordings in gone.items():
            dropped = pyarrow.array(recordings)
            for kind in (CALLS, TURNS):
                held = load(self._path(kind, number))
                self._save(kind, number, held.filter(compute.invert(compute.is_in(held["recording"], dropped))))

    def _take_up(self, number: int) -> None:
        from pyarrow import compute

        paths = [self._path(kind, number) for kind in (CALLS, TURNS)]
        whole = all(path.exists() for path in paths)
        if not whole or (calls := load(paths[0])).column_names != call_schema().names:
            for path in paths:  # `complete` makes its rows again
                path.unlink(missing_ok=True)
            return
        turns = load(paths[1])
        belongs = compute.is_in(turns["recording"], calls["recording"].combine_chunks())
        if not compute.all(belongs, min_count=0).as_py():
            self._save(TURNS, number, turns.filter(belongs))
        for name, size, modified_ns in zip(
            *(calls[column].to_pylist() for column in ("recording", "size", "modified_ns")), strict=True
        ):
            self._held[name] = number, (size, modified_ns)

    def _numbers(self, kind: str) -> set[int]:
        names = [path.stem for path in (self._folder.root / kind).glob("*.parquet")]
        return {int(name) for name in names if name.isdecimal()}

    def _path(self, kind: str, number: int) -> Path:
        return self._folder.root / kind / f"{number:06d}.parquet"

    def _save(self, kind: str, number: int, content: pyarrow.Table) -> None:
        import pyarrow.parquet

        with written(self._path(kind, number), self._folder.temporary) as file:
            pyarrow.parquet.write_table(content, file)


def load(path: Path) -> pyarrow.Table:
    """Read a shard.

    Raises:
        DataError: It is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # Not by its path: in a folder called `x=1`, pyarrow would find a column.
        with path.open("rb") as file:
            return pyarrow.parquet.ParquetFile(file).read()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"'{path}' cannot be read; delete it, and the same archive command restores it.") from error
