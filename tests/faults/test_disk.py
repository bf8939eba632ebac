"""A disk that is full, read-only or fails in the middle of a run: one sentence, and every finished turn is readable."""

import errno
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from speech import minute, write_pcm

from monitor.commands.timelines import export
from monitor.timeline.file import read_timeline


@pytest.fixture
def disk(tmp_path):
    """A disk of 64 KiB, in memory."""
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Three minutes of a recording, in which 54 sentences are spoken."""
    path = tmp_path_factory.mktemp("calls") / "call.wav"
    write_pcm(str(path), minute() * 3)
    return path


@pytest.fixture
def replay(call, replay):
    """Replay the call."""
    return partial(replay, call, "--quiet")


def fill(folder: Path, but: int) -> None:
    """Leave so many bytes."""
    room = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes(room.f_bavail * room.f_bsize - but))


def assert_one_sentence(said, reason):
    (sentence,) = said.splitlines()
    assert sentence.startswith("stser-monitor: Cannot write ")
    assert reason in sentence
    assert sentence.endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_disk_that_fills_up_keeps_the_turns_before(disk, replay, tmp_path, kind):
    assert replay(f"--{kind}", tmp_path / f"whole.{kind}") == (0, "", "")
    whole = read_timeline(tmp_path / f"whole.{kind}").turns
    fill(disk, but=4_096)
    code, _, said = replay(f"--{kind}", disk / f"call.{kind}")
    assert code == 1
    assert_one_sentence(said, "No space left on device")
    kept = read_timeline(disk / f"call.{kind}").turns
    assert 0 < len(kept) < len(whole)
    assert kept == whole[: len(kept)]
    export(disk / f"call.{kind}", "srt", str(tmp_path / "call.srt"), quiet=True)


@pytest.mark.parametrize("reason", ["No space left on device", "Read-only file system"])
def test_a_disk_that_takes_nothing_from_the_start(disk, replay, reason):
    if reason.startswith("No"):
        fill(disk, but=0)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    code, _, said = replay("--csv", disk / "call.csv")
    assert code == 1
    assert_one_sentence(said, reason)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO])
def test_a_disk_that_fails_in_the_middle_keeps_the_turns_before(replay, tmp_path, monkeypatch, number):
    # A disk that turns read-only under an open file shows itself when the file is synchronised.
    synchronised = []

    def fsync(descriptor):
        synchronised.append(descriptor)
        if len(synchronised) == 10:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("monitor.exporters.destination.os.fsync", fsync)
    code, _, said = replay("--csv", tmp_path / "call.csv")
    assert code == 1
    assert_one_sentence(said, os.strerror(number))
    assert [row.turn for row in read_timeline(tmp_path / "call.csv").turns][:8] == list(range(1, 9))
