"""The datasets: complete, without doubles, and whole again after a process was killed anywhere."""

from dataclasses import replace
from functools import partial

import pytest

from monitor.archive.folder import ArchiveFolder
from monitor.archive.scoring import Finished, Scored
from monitor.archive.tables import CALLS_A_SHARD, Tables
from stser_core.errors import DataError


@pytest.fixture
def folder(tmp_path):
    folder = ArchiveFolder(tmp_path)
    with folder.locked():
        yield folder


@pytest.fixture
def scored(turn):
    """A recording with two turns."""

    def make(recording, size=10, **changes):
        turns = [
            turn(recording=recording, turn=number, start_s=2.0 * number, end_s=2.0 * number + 1) for number in (1, 2)
        ]
        finished = Finished(recording, size, 1_790_000_000 * 10**9, 12.0, 12.0)
        return Scored(finished, tuple(replace(one, **changes) for one in turns))

    return make


@pytest.fixture
def keep(folder):
    def keep(*all_scored):
        for scored in all_scored:
            folder.finish(scored)
        Tables(folder, explain=False).add(all_scored)

    return keep


@pytest.fixture
def read(folder):
    def read(kind):
        import pyarrow.parquet

        shards = sorted((folder.root / kind).glob("*.parquet"))
        return [row for shard in shards for row in pyarrow.parquet.ParquetFile(shard).read().to_pylist()]

    return read


def recordings(rows):
    return sorted(row["recording"] for row in rows)


def test_turns_and_calls(scored, keep, read):
    keep(scored("2026-10-05/a.wav"))
    keep(scored("b.wav"))

    assert recordings(read("turns")) == ["2026-10-05/a.wav", "2026-10-05/a.wav", "b.wav", "b.wav"]
    call = min(read("calls"), key=lambda row: row["recording"])
    assert call["timeline"] == "2026-10-05/a.wav.csv"
    assert (str(call["date"]), call["date_from"]) == ("2026-10-05", "name")
    assert (call["duration_s"], call["turns"], call["silence_s"]) == (12.0, 2, 10.0)
    assert (call["longest_silence_s"], call["longest_silence_start_s"], call["long_silences"]) == (7.0, 5.0, 1)
    (speaker,) = call["speakers"]
    assert (speaker["speaker"], speaker["talk_s"], speaker["angry_s"]) == ("customer", 2.0, 2.0)
    assert call["angry_s"] == 2.0 and call["sad_s"] == 0.0


def test_a_recording_that_is_done_again_takes_its_own_place(scored, keep, read):
    keep(scored("a.wav"), scored("b.wav"))
    keep(scored("a.wav", size=11, speaker="agent"))

    assert sorted((row["recording"], row["speaker"]) for row in read("turns")) == [
        ("a.wav", "agent"),
        ("a.wav", "agent"),
        ("b.wav", "customer"),
        ("b.wav", "customer"),
    ]
    assert recordings(read("calls")) == ["a.wav", "b.wav"]


def test_shards_are_filled_before_there_are_more(scored, keep, folder, read):
    count = CALLS_A_SHARD + 3
    Tables(folder, explain=False).add([scored(f"{number:04d}.wav") for number in range(count)])

    assert sorted(path.name for path in (folder.root / "calls").iterdir()) == ["000001.parquet", "000002.parquet"]
    assert len(read("calls")) == count and len(read("turns")) == 2 * count


def killed_before_the_tables(folder, scored):
    folder.finish(scored("b.wav"))


def killed_between_turns_and_calls(folder, scored):
    path = folder.root / "calls" / "000001.parquet"
    calls = path.read_bytes()
    killed_before_the_tables(folder, scored)
    Tables(folder, explain=False).add([scored("b.wav")])
    path.write_bytes(calls)


def shard_deleted(kind, folder, scored):
    killed_before_the_tables(folder, scored)
    (folder.root / kind / "000001.parquet").unlink()


def shard_of_an_older_program(folder, scored):
    from pyarrow import parquet

    path = folder.root / "calls" / "000001.parquet"
    parquet.write_table(parquet.ParquetFile(path).read().drop_columns("longest_silence_start_s"), path)
    killed_before_the_tables(folder, scored)


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
def test_whatever_is_missing_is_made_up_for(scored, keep, folder, read, damage):
    keep(scored("a.wav"))
    damage(folder, scored)

    Tables(folder, explain=False).complete()

    assert recordings(read("turns")) == ["a.wav", "a.wav", "b.wav", "b.wav"]
    assert recordings(read("calls")) == ["a.wav", "b.wav"]
    assert [call["longest_silence_start_s"] for call in read("calls")] == [5.0, 5.0]


def test_a_timeline_that_somebody_deleted_leaves_the_datasets(scored, keep, folder, read):
    keep(scored("a.wav"), scored("b.wav"))
    folder.timeline("a.wav").unlink()

    Tables(folder, explain=False).complete()

    assert recordings(read("calls")) == ["b.wav"] and recordings(read("turns")) == ["b.wav", "b.wav"]


def test_a_damaged_shard_is_named(scored, keep, folder):
    keep(scored("a.wav"))
    (folder.root / "calls" / "000001.parquet").write_bytes(b"PAR1")

    with pytest.raises(DataError, match=r"calls/000001\.parquet' cannot be read; delete it"):
        Tables(folder, explain=False)


def test_nobody_speaks(keep, read):
    keep(Scored(Finished("silence.wav", 1, 1, 60.0, 60.0), ()))

    (call,) = read("calls")
    assert (call["turns"], call["speakers"], call["longest_silence_s"]) == (0, [], 60.0)
    assert read("turns") == []


def test_the_lost_end_of_a_recording_is_not_silence(scored, keep, read):
    one = scored("cut.flac")
    keep(replace(one, finished=replace(one.finished, duration_s=100.0)))

    (call,) = read("calls")
    assert (call["duration_s"], call["heard_s"]) == (100.0, 12.0)
    assert (call["silence_s"], call["longest_silence_s"]) == (10.0, 7.0)


def test_the_columns_of_explain_are_numbers_also_where_nothing_is_known(folder, scored, read):
    one = scored("a.wav")
    first, second = one.turns
    explained = replace(first, extra={"salient_start_s": 1.0, "salient_end_s": 1.5, "salience": [1.0]})

    Tables(folder, explain=True).add([Scored(one.finished, (explained, second))])

    assert [row["salient_start_s"] for row in read("turns")] == [1.0, None]
