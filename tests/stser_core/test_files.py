import errno
import os
import sys
from pathlib import Path

import pytest

from stser_core.errors import ClosedPipeError, OutputError
from stser_core.files import check_not_input, check_writable, write_whole, written


def test_a_file_keeps_its_rights_and_a_new_one_has_the_usual(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.touch(0o640)
    plain.touch()
    write_whole(str(old), b"y")
    write_whole(str(new), b"y")
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old", "plain"]


def test_a_reader_that_has_gone_ends_the_export_quietly(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as closed:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(ClosedPipeError):
            write_whole("-", b"x")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_what_cannot_be_written_or_is_a_recording_is_found_before_the_work(tmp_path):
    (tmp_path / "call.FLAC").write_bytes(b"RIFF")
    (tmp_path / "sound").write_bytes(b"RIFF1234WAVEfmt ")
    for name in ("new.json", "new.flac", "call.csv"):
        check_writable(str(tmp_path / name))
    check_writable("-")
    assert {path.name for path in tmp_path.iterdir()} == {"call.FLAC", "sound"}
    said = {"": "is a folder", "gone/new": "'.*gone' does not exist", "call.FLAC": r"call\.FLAC", "n" * 256: "nnn"}
    said |= {"sound": "sound"}
    for name, why in said.items():
        with pytest.raises(OutputError, match=why):
            check_writable(str(tmp_path / name))


def test_what_was_there_stays_when_the_writing_breaks_off(tmp_path):
    (tmp_path / "a").write_bytes(b"before")
    (tmp_path / "a").chmod(0o640)

    with pytest.raises(RuntimeError), written(tmp_path / "a") as file:
        file.write(b"half of")
        assert os.fstat(file.fileno()).st_mode & 0o077 == 0, "nobody else reads it before it has its rights"
        raise RuntimeError

    assert (tmp_path / "a").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_temporary_file_may_lie_elsewhere_and_folders_are_made(tmp_path):
    (tmp_path / "own").mkdir()
    with written(tmp_path / "a" / "b", tmp_path / "own") as file:
        assert len(list((tmp_path / "own").iterdir())) == 1
        file.write(b"content")

    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert list((tmp_path / "own").iterdir()) == []


def test_a_disk_that_fills_up_is_one_sentence(tmp_path, monkeypatch):
    if Path("/dev/full").exists():
        with pytest.raises(OutputError, match="No space left on device"):
            write_whole("/dev/full", b"x")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"'.*a': No space left on device\."):
        write_whole(tmp_path / "a", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="names may be longer there")
def test_a_name_may_be_as_long_as_the_system_permits(tmp_path):
    write_whole(tmp_path / ("n" * 255), b"content")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"content"
    with pytest.raises(OutputError):
        check_not_input(str(tmp_path / ("n" * 256)), tmp_path, "the folder")
