import os
import sys
from pathlib import Path

import pytest

from monitor.exporters.whole_file import check_writable, write_whole
from stser_core.errors import ClosedPipeError, OutputError


def test_a_file_keeps_its_rights_and_a_new_one_has_the_usual(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.write_text("x")
    old.chmod(0o640)
    plain.write_text("x")
    write_whole(str(old), b"y")
    write_whole(str(new), b"y")
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old", "plain"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said():
    with pytest.raises(OutputError, match="No space left on device"):
        write_whole("/dev/full", b"x")


def test_a_reader_that_has_gone_ends_the_export_quietly(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as closed:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(ClosedPipeError):
            write_whole("-", b"x")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_what_cannot_be_written_is_found_before_the_work(tmp_path):
    check_writable("-")
    check_writable(str(tmp_path / "new.json"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="it is a folder"):
        check_writable(str(tmp_path))
    with pytest.raises(OutputError, match=r"there is no folder '.*gone'"):
        check_writable(str(tmp_path / "gone" / "new.json"))
