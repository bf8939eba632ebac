"""Which files count as recordings, and what the archive calls them."""

import io
import os
import sys
from pathlib import Path

import pytest

from monitor.archive.recordings import find_recordings
from stser_core.errors import DataError


@pytest.fixture
def tree(tmp_path):
    def make(*names, content=b"RIFF....WAVEfmt "):
        for name in names:
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "tree"

    return make


def names(found):
    return [one.name for one in found]


def test_a_tree_is_searched_by_extension_and_by_content(tree, tmp_path):
    tree("b/Two.MP3", "a/one.wav", "film.mkv", "line.g722", content=b"")
    tree("recorded", "odd.name")
    root = tree("notes.txt", "picture.jpg", "table.csv", content=b"hello")

    expected = ["a/one.wav", "b/Two.MP3", "film.mkv", "line.g722", "odd.name", "recorded"]
    assert names(find_recordings(str(root), tmp_path / "out")) == expected


def test_hidden_files_links_and_the_archive_itself_are_passed_over_but_no_recording_that_is_gone(tree):
    root = tree("a.wav", "._a.wav", ".trash/b.wav", "timelines/c.wav")
    (root / "again").symlink_to(root)
    (root / "gone.wav").symlink_to(root / "moved.wav")
    (root / "gone.txt").symlink_to(root / "moved.txt")

    assert names(find_recordings(str(root), root / "timelines")) == ["a.wav", "gone.wav"]


LISTED = ["two\r", "", "./a/../a/one.wav", "a/one.wav", "/elsewhere/three.wav", "missing.wav"]
ODD = ["a/one.wav", "# a comment", "#3.wav", '"two words.wav"', "'4'.wav", " a\\one.wav ", "  ", "5.wav"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\n".join(LISTED).encode(), ["a/one.wav", "elsewhere/three.wav", "missing.wav", "two"]),
        (b"\xef\xbb\xbf" + "\r\n".join(ODD).encode(), ["#3.wav", "'4'.wav", "5.wav", "a/one.wav", "two words.wav"]),
    ],
    ids=["as seen from here", "with a mark, comments, quotes, and as Windows writes it"],
)
def test_a_list_names_recordings(tree, tmp_path, monkeypatch, content, expected):
    monkeypatch.chdir(tree("a/one.wav", "two", "two words.wav", "#3.wav", "'4'.wav"))
    (tmp_path / "list.txt").write_bytes(content)

    found = find_recordings(str(tmp_path / "list.txt"), tmp_path / "out")

    assert names(found) == expected
    assert [one.path for one in found if one.name.startswith("elsewhere")] in ([], ["/elsewhere/three.wav"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_listed_by_itself(tree, tmp_path):
    root = tree("a.wav", "locked/b.wav")
    (root / "locked").chmod(0)
    try:
        found = find_recordings(str(root), tmp_path / "out")
    finally:
        (root / "locked").chmod(0o700)

    assert names(found) == ["a.wav", "locked"]


def test_one_recording_and_a_list_on_standard_input_are_archives_too(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tree("one.wav"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one.wav\n")))

    assert names(find_recordings("-", tmp_path / "out")) == names(find_recordings("one.wav", tmp_path / "out"))


def test_a_name_that_is_not_utf8_becomes_visible(tree, tmp_path):
    root = tree("a.wav")
    path = Path(os.fsdecode(bytes(root) + b"/caf\xe9.wav"))
    path.write_bytes(b"RIFF")

    found = find_recordings(str(root), tmp_path / "out")

    assert names(found) == ["a.wav", "caf\\udce9.wav"]
    assert Path(found[1].path).read_bytes() == b"RIFF"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere", "no folder, recording or list"),
        ("empty", "No recording"),
        ("binary", "null byte"),
        ("utf16", "UTF-16"),
        ("call.csv", "timeline"),
    ],
)
def test_what_holds_no_recording_is_told(tmp_path, place, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "utf16").write_bytes("a.wav\r\n".encode("utf-16"))
    (tmp_path / "call.csv").write_text("recording,channel,speaker\na.wav,1,customer\n")

    with pytest.raises(DataError, match=reason):
        find_recordings(str(tmp_path / place), tmp_path / "out")
