"""A timeline has one writer: a second program is refused, and a writer that is killed leaves no claim behind."""

import os
import signal
import subprocess
import sys

import pytest

from monitor.exporters.csv import CsvLines
from monitor.exporters.destination import Destination
from monitor.exporters.exporter import Exporter
from stser_core.errors import OutputError

pytestmark = pytest.mark.slow

WRITER = """
import sys, time
from monitor.exporters.destination import Destination
destination = Destination(sys.argv[1])
destination.begin()
destination.write("a row\\n")
print("written", flush=True)
time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """Another program that is writing a file."""
    path = tmp_path / "call.csv"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        yield path, process
        process.kill()


def test_a_file_that_another_program_writes_is_refused_and_left_as_it_is(writer):
    path, _ = writer
    with pytest.raises(OutputError, match="another program is writing it"):
        Exporter(str(path), CsvLines())
    assert path.read_text() == "a row\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_writer_that_is_killed_keeps_nobody_out(writer):
    path, process = writer
    process.send_signal(signal.SIGKILL)
    process.wait()
    destination = Destination(str(path))
    destination.begin()
    destination.write("another's\n")
    destination.close()
    assert path.read_text() == "another's\n"


@pytest.mark.skipif(os.name == "nt", reason="needs /dev/null")
def test_what_is_not_a_regular_file_is_open_to_all():
    first, second = Destination("/dev/null"), Destination("/dev/null")
    first.write("a row\n")
    second.write("a row\n")
    first.close()
    second.close()
