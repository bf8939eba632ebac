"""The tables: complete, without doubles, whole again after a process was killed; what can be asked of them."""

import re
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from monitor.archive.folder import ArchiveFolder
from monitor.archive.scoring import Scored
from monitor.archive.tables import CALLS_A_SHARD, Tables, day_of
from stser_core.errors import DataError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def call(scored):
    """Make a call of 12 s with two turns."""
    return lambda name, **more: scored(name, (2.0, 3.0, "angry"), (4.0, 5.0, "angry"), **{"length_s": 12.0, **more})


@pytest.fixture
def folder(archive_of):
    return ArchiveFolder(archive_of())


def recordings(rows):
    return [row["recording"] for row in rows]


def test_turns_and_calls(call, archive_of, contents):
    archive_of(call("2026-10-05/a.wav"))
    made = contents(archive_of(call("b.wav")))

    assert recordings(made["turns"]) == ["2026-10-05/a.wav", "2026-10-05/a.wav", "b.wav", "b.wav"]
    row, _ = made["calls"]
    assert row["timeline"] == "2026-10-05/a.wav.csv"
    assert (str(row["date"]), row["date_from"]) == ("2026-10-05", "name")
    assert (row["duration_s"], row["turns"], row["silence_s"]) == (12.0, 2, 10.0)
    assert (row["longest_silence_s"], row["longest_silence_start_s"], row["long_silences"]) == (7.0, 5.0, 1)
    (speaker,) = row["speakers"]
    assert (speaker["speaker"], speaker["talk_s"], speaker["angry_s"]) == ("customer", 2.0, 2.0)
    assert row["angry_s"] == 2.0 and row["sad_s"] == 0.0


def test_a_recording_that_is_done_again_takes_its_own_place(call, archive_of, contents):
    archive_of(call("a.wav"), call("b.wav"))
    again = call("a.wav", size=11)
    made = contents(archive_of(replace(again, turns=again.turns[:1])))

    assert recordings(made["turns"]) == ["a.wav", "b.wav", "b.wav"]
    assert recordings(made["calls"]) == ["a.wav", "b.wav"]


def test_shards_are_filled_before_there_are_more(call, folder, contents):
    count = CALLS_A_SHARD + 3
    Tables(folder, explain=False).add([call(f"{number:04d}.wav") for number in range(count)])

    assert sorted(path.name for path in (folder.root / "calls").iterdir()) == ["000001.parquet", "000002.parquet"]
    made = contents(folder.root)
    assert len(made["calls"]) == count and len(made["turns"]) == 2 * count


def killed_before_the_tables(folder, call):
    folder.finish(call("b.wav"))


def killed_between_turns_and_calls(folder, call):
    path = folder.root / "calls" / "000001.parquet"
    calls = path.read_bytes()
    killed_before_the_tables(folder, call)
    Tables(folder, explain=False).add([call("b.wav")])
    path.write_bytes(calls)


def shard_deleted(kind, folder, call):
    killed_before_the_tables(folder, call)
    (folder.root / kind / "000001.parquet").unlink()


def shard_of_an_older_program(folder, call):
    from pyarrow import parquet

    path = folder.root / "calls" / "000001.parquet"
    parquet.write_table(parquet.ParquetFile(path).read().drop_columns("longest_silence_start_s"), path)
    killed_before_the_tables(folder, call)


@pytest.mark.parametrize(
    "damage",
    [
        killed_before_the_tables,
        killed_between_turns_and_calls,
        partial(shard_deleted, "turns"),
        partial(shard_deleted, "calls"),
        shard_of_an_older_program,
    ],
)
def test_whatever_is_missing_is_made_up_for_and_what_was_deleted_leaves(call, archive_of, folder, contents, damage):
    archive_of(call("a.wav"), call("deleted.wav"))
    folder.timeline("deleted.wav").unlink()
    damage(folder, call)

    Tables(folder, explain=False).complete()

    made = contents(folder.root)
    assert recordings(made["turns"]) == ["a.wav", "a.wav", "b.wav", "b.wav"]
    assert [(row["recording"], row["longest_silence_start_s"]) for row in made["calls"]] == [
        ("a.wav", 5.0),
        ("b.wav", 5.0),
    ]


def test_a_damaged_shard_is_named(call, archive_of, folder):
    archive_of(call("a.wav"))
    (folder.root / "calls" / "000001.parquet").write_bytes(b"PAR1")

    with pytest.raises(DataError, match=r"calls/000001\.parquet' cannot be read; delete it"):
        Tables(folder, explain=False)


def test_neither_a_silent_call_nor_the_lost_end_of_one_is_misread(call, scored, archive_of, contents):
    made = contents(archive_of(call("cut.flac", duration_s=100.0), scored("silent.wav", length_s=60.0)))

    cut, silent = made["calls"]
    assert (cut["duration_s"], cut["heard_s"]) == (100.0, 12.0)
    assert (cut["silence_s"], cut["longest_silence_s"]) == (10.0, 7.0)
    assert (silent["turns"], silent["speakers"], silent["longest_silence_s"]) == (0, [], 60.0)
    assert recordings(made["turns"]) == ["cut.flac", "cut.flac"]


def test_the_columns_of_explain_are_numbers_also_where_nothing_is_known(folder, call, contents):
    one = call("a.wav")
    first, second = one.turns
    explained = replace(first, extra={"salient_start_s": 1.0, "salient_end_s": 1.5, "salience": [1.0]})

    Tables(folder, explain=True).add([Scored(one.finished, (explained, second))])

    assert [row["salient_start_s"] for row in contents(folder.root)["turns"]] == [1.0, None]


CALLS = {
    "2026-09-30_0.wav": [(1, 61, "angry", "I want a refund")],
    "2026-10-01_1.wav": [(1, 10, "neutral", "hello"), (50, 61, "angry", "where is my refund")],
    "2026-10-02_2.wav": [(1, 21, "angry", "no"), (22, 42, "neutral", "yes")],
    "2026-10-31_3.wav": [(1, 6, "sad", "never mind")],
    "2026-10-31_4.wav": [(10, 19, "neutral", "hello"), (31, 34, "angry", "what"), (66, 68, "happy", "at last")],
}
ANSWERS = [
    ["2026-10-02_2.wav", "2026-10-01_1.wav", "2026-10-31_4.wav"],
    ["2026-10-01_1.wav"],
    ["2026-09-30_0.wav", "2026-10-01_1.wav"],
    ["2026-09", "2026-10"],
    ["2026-10-01_1.wav"],
]


def test_each_question_of_the_documents_has_its_answer(archive_of, scored, turn, tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    questions = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/archives.md").read_text(encoding="utf-8"), re.DOTALL)
    agent = turn(turn=9, channel=2, speaker="agent", start_s=0.0, end_s=0.9, scores=None)
    calls = [scored(name, *said, length_s=70.0) for name, said in CALLS.items()]
    archive_of(*(replace(one, turns=(*one.turns, replace(agent, recording=one.recording))) for one in calls))
    monkeypatch.chdir(tmp_path)

    assert [[row[0] for row in duckdb.sql(question).fetchall()] for question in questions] == ANSWERS


TODAY = date(2026, 11, 29)
JANUARY = 1_767_225_600 * 10**9  # 2026-01-01 00:00 UTC
DATED = [
    "2026-10-05.wav",
    "support/call_20261005.mp3",
    "20261005143000_4711.wav",
    "202610051430.wav",
    "call-20261005T143000Z.wav",
    "2026_10_05/4711.wav",
    "2026/10/05/4711.wav",
    "backup-2026-11-20/2026/10/05/4711.wav",
    "2025-01-01/copied_2026.10.05_x.wav",
    "20261005-143000-20121105-200.wav",
    "20121105-20261005_14-30-00.wav",
    "20121105_2026-10-05T14.30.00.wav",
    "20261005-20351231.wav",
    "4711 05-Oct-2026.wav",
    "October 5, 2026 14.30.wav",
]
UNDATED = [
    "call.wav",
    "20251012345.wav",
    "+4920261005.wav",
    "2026-02-30.wav",
    "05.10.2026.wav",
    "2026-1005.wav",
    "20261005999.wav",
    "20351231-143000.wav",
    "2026-12-01.wav",
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [(name, (date(2026, 10, 5), "name")) for name in DATED]
    + [(name, (date(2026, 1, 1), "modified")) for name in UNDATED],
)
def test_a_date_in_the_name_counts_and_without_one_the_file_s_own_time(name, expected):
    assert day_of(name, JANUARY, TODAY) == expected


def test_the_last_instant_of_a_day_is_of_that_day():
    assert day_of("call.wav", JANUARY - 1) == (date(2025, 12, 31), "modified")
