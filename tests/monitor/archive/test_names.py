"""Names for files that belong to others."""

import pytest

from monitor.archive.names import file_name


@pytest.mark.parametrize(
    "recording", ["call.wav", "support/2026/call.wav", "ümläut.mp3", "console.wav", "a" * 251, "folder.csv/a.wav"]
)
def test_a_usual_name_stays(recording):
    assert file_name(recording, ".csv", frozenset({"failures.csv"})) == f"{recording}.csv"


LONG = ("a" * 252, "ü" * 127 + "a", "x/" + "b" * 255)
TAKEN = ("failures", "FAILURES", "failures.csv/a.wav")
NOT_IN_WINDOWS = ("CON.wav", "14:30:00.wav", "what?.wav", "aux", "dot./a.wav", "tab\tin.wav", "sub/nul.mp3")


@pytest.mark.parametrize("recording", [*LONG, *TAKEN, *NOT_IN_WINDOWS])
def test_a_name_that_cannot_be_kept_is_changed(recording):
    made = file_name(recording, ".csv", frozenset({"failures.csv"}))

    assert made.endswith(".csv") and made.lower().partition("/")[0] != "failures.csv"
    for part in made.split("/"):
        assert len(part.encode()) <= 255
        assert not set(part) & set('<>:"|?*\\\t') and not part.endswith((".", " "))
        assert part.lower().partition(".")[0] not in ("con", "aux", "nul")


def test_changed_names_do_not_become_one():
    names = ["a" * 252, "a" * 253, "a:b.wav", "a?b.wav", "a_b.wav", "failures"]

    assert len({file_name(one, ".csv", frozenset({"failures.csv"})).lower() for one in names}) == len(names)
