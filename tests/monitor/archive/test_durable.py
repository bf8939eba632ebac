"""Files that are there as a whole or not at all."""

import errno
import os

import pytest

from monitor.archive.durable import write_durably, written_durably
from stser_core.errors import OutputError


def test_it_is_written_and_nothing_else_is_left(tmp_path):
    (tmp_path / "aside").mkdir()
    write_durably(tmp_path / "a" / "b", b"content", tmp_path / "aside")

    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert list((tmp_path / "aside").iterdir()) == []


def test_what_was_there_stays_when_the_writing_breaks_off(tmp_path):
    (tmp_path / "aside").mkdir()
    (tmp_path / "a").write_bytes(b"before")

    with pytest.raises(RuntimeError), written_durably(tmp_path / "a", tmp_path / "aside") as file:
        file.write(b"half of")
        raise RuntimeError

    assert (tmp_path / "a").read_bytes() == b"before"
    assert list((tmp_path / "aside").iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "aside").mkdir()
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OutputError, match=r"Cannot write '.*a': No space left on device\."):
        write_durably(tmp_path / "a", b"content", tmp_path / "aside")
    assert not (tmp_path / "a").exists()
    assert list((tmp_path / "aside").iterdir()) == []
