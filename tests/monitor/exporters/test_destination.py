import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.exporters.destination import Destination
from stser_core.errors import OutputError


def test_opening_leaves_an_older_file_alone_until_something_is_begun(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("last week's timeline\n")
    destination = Destination(str(path))
    assert path.read_text() == "last week's timeline\n"
    destination.begin()
    destination.write("new\n")
    destination.close()
    assert path.read_text() == "new\n"


def test_a_file_that_was_never_begun_is_not_left_behind(tmp_path):
    Destination(str(tmp_path / "new.csv")).close()
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_that_was_never_begun_stays(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("")
    Destination(str(path)).close()
    assert path.exists()


@pytest.mark.parametrize("name", ["missing/out.csv", "."])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, name):
    with pytest.raises(OutputError, match="Cannot write"):
        Destination(str(tmp_path / name))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_its_reason():
    destination = Destination("/dev/full")
    destination.begin()
    with pytest.raises(OutputError, match="No space left"):
        destination.write("row\n")
    destination.close()


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


def test_writing_after_closing_is_an_error(tmp_path):
    destination = Destination(str(tmp_path / "out.csv"))
    destination.close()
    destination.close()
    with pytest.raises(OutputError, match="closed"):
        destination.write("late\n")


WRITER = """
import sys
from monitor.exporters.destination import Destination
from stser_core.errors import ClosedPipeError
destination = Destination("-")
try:
    for _ in range(100_000):
        destination.write("a row\\n")
except ClosedPipeError as error:
    sys.stdout = None
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently on Windows")
def test_a_reader_that_goes_away_ends_the_writing():
    writer = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"a row\n"
    writer.stdout.close()
    assert writer.wait(timeout=30) == 141
