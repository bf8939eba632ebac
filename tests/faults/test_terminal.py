"""What a file is called, and what it holds, cannot command the terminal."""

import pytest

from monitor.cli import main
from monitor.exporters.csv import CsvLines

COMMANDS = "\x1b]0;title\x07\x1b[2J\x9b31m"
ROW = "call{0}.wav,1,cust{0},1,1.000,2.500,angry,0.7,0.7,0.1,0.1,0.1,angry,,,where{0},0.9,-23.4,0,default\n"


def assert_obeys_nothing(text):
    assert text
    assert not set(text) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.parametrize("command", ["replay", "analytics"])
def test_the_name_of_a_file_that_is_refused(command, tmp_path, capsys):
    path = tmp_path / f"{COMMANDS}.csv"
    path.write_text("neither sound nor timeline\n")
    assert main([command, str(path)]) == 1
    assert_obeys_nothing(capsys.readouterr().err)


def test_the_words_and_names_of_a_timeline(tmp_path, capsys):
    (tmp_path / "call.csv").write_text(CsvLines().header + ROW.format(COMMANDS))
    assert main(["analytics", str(tmp_path / "call.csv")]) == 0
    assert_obeys_nothing(capsys.readouterr().out)
