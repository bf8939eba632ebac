import os

import pytest

from monitor.exporters.destination import Destination
from stser_core.errors import OutputError, UsageError


@pytest.mark.parametrize("name", ["", "new/", "new.csv/", "missing/out.csv", "."])
def test_a_name_that_is_no_file_s_is_refused_at_once(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError if name else UsageError):
        Destination(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files from being removed")
def test_a_file_that_is_removed_while_writing_is_noticed(tmp_path):
    path = tmp_path / "out.csv"
    destination = Destination(str(path))
    destination.begin()
    destination.write("first\n")
    path.unlink()
    with pytest.raises(OutputError, match="removed"):
        destination.write("second\n")
    destination.close()


def test_an_older_file_stays_until_there_is_a_record(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("last week's timeline\n")
    path.chmod(0o640)
    destination = Destination(str(path))
    destination.begin("header\n")
    assert path.read_text() == "last week's timeline\n"
    destination.write("first\n")
    assert path.read_text() == "header\nfirst\n"
    destination.write("second\n")
    assert path.read_text() == "header\nfirst\nsecond\n"
    with pytest.raises(OutputError, match="another program"):
        Destination(str(path))
    destination.close()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_an_older_file_stays_where_a_run_fails_and_goes_where_it_finishes_without_a_record(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("last week's timeline\n")
    failed = Destination(str(path))
    failed.begin("header\n")
    failed.close()
    assert path.read_text() == "last week's timeline\n"
    finished = Destination(str(path))
    finished.begin("header\n")
    finished.finish()
    finished.close()
    assert path.read_text() == "header\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_read_only_folder_a_file_is_replaced_in_place(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old and longer\n")
    tmp_path.chmod(0o555)
    destination = Destination(str(path))
    destination.begin("header\n")
    destination.write("new\n")
    destination.close()
    tmp_path.chmod(0o755)
    assert path.read_text() == "header\nnew\n"
