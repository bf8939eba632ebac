"""A timeline has one writer: a second program is refused, and a writer that is killed leaves no claim behind."""

import os
import subprocess
import sys

import pytest

from monitor.exporters.csv import CsvLines
from monitor.exporters.destination import Destination
from monitor.exporters.exporter import Exporter
from stser_core.errors import OutputError

WRITER = """
import sys, time
from monitor.exporters.destination import Destination
destination = Destination(sys.argv[1])
destination.begin()
destination.write("a row\\n")
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_another_program_is_refused_until_the_one_that_writes_is_killed(tmp_path):
    path = tmp_path / "call.csv"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"written\n"
            with pytest.raises(OutputError, match="another program is writing it"):
                Exporter(str(path), CsvLines())
            assert path.read_text() == "a row\n"
        finally:
            process.kill()
    destination = Destination(str(path))
    destination.begin()
    destination.write("another's\n")
    destination.close()
    assert path.read_text() == "another's\n"


@pytest.mark.skipif(os.name == "nt", reason="needs /dev/null")
def test_what_is_not_a_regular_file_is_open_to_all():
    for destination in [Destination("/dev/null"), Destination("/dev/null")]:  # both are open
        destination.write("a row\n")
        destination.close()
