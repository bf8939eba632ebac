"""The command `archive`: what a folder of recordings becomes."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from monitor.archive.folder import ArchiveFolder, timeline_name
from monitor.cli import main
from stser_core.errors import UsageError

BROKEN = {"broken/empty.wav", "broken/noise.mp3"}


def test_every_recording_has_its_timeline_or_its_reason(done, recordings, contents):
    made = contents(done)

    sounds = {path.relative_to(recordings).as_posix() for path in recordings.rglob("*.*") if path.suffix != ".txt"}
    failed = {row["recording"] for row in csv.DictReader(made["failures"].splitlines())}
    assert failed == BROKEN
    assert set(made["timelines"]) == {f"{name}.csv" for name in sounds - failed}
    assert {"2026-10-09/call-008.flac.csv", "2026-10-09/call-008.mp3.csv"} <= set(made["timelines"])
    assert [row["recording"] for row in made["calls"]] == sorted(sounds - failed)
    assert len(made["turns"]) == sum(timeline.count(b"\n") - 1 for timeline in made["timelines"].values())


def test_a_timeline_is_that_of_a_replay_and_a_call_has_the_metrics_of_analytics(
    done, recordings, usual, contents, tmp_path
):
    name = "2026-10-01/call-000.wav"
    assert main(["replay", str(recordings / name), "--csv", str(tmp_path / "replayed.csv"), "--quiet", *usual]) == 0
    replayed = (tmp_path / "replayed.csv").read_text().replace("\ncall-000.wav,", f"\n{name},")
    assert (done / f"{name}.csv").read_text() == replayed

    assert main(["analytics", str(done / f"{name}.csv"), "-o", str(tmp_path / "metrics.json")]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    call = next(row for row in contents(done)["calls"] if row["recording"] == name)
    assert call["speech_s"] == metrics["speech_s"]
    assert [speaker["talk_s"] for speaker in call["speakers"]] == [one["talk_s"] for one in metrics["speakers"]]
    assert call["interruptions"] == metrics["interruptions"]["count"]


def test_two_workers_find_the_same(done, recordings, archive, contents, tmp_path):
    assert archive(recordings, "--out", tmp_path, "--workers", "2", "--quiet") == 0

    assert contents(tmp_path) == contents(done)


def test_what_is_done_is_not_done_again(done, recordings, archive, capsys):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.*.csv")}
    assert archive(recordings, "--out", done) == 0

    assert {path: path.stat().st_mtime_ns for path in done.rglob("*.*.csv")} == before
    assert "10 of 12 recordings are done already." in capsys.readouterr().err


@pytest.fixture
def few(recordings, tmp_path):
    """Three recordings of one's own."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("call-000.wav", "call-001.wav", "call-002.flac"):
        shutil.copy2(next(recordings.rglob(name)), folder)
    return folder


def test_what_changed_or_failed_is_done_again(few, recordings, archive, contents, tmp_path):
    out = tmp_path / "timelines"
    (few / "call-000.wav").write_bytes(b"")
    assert archive(few, "--out", out) == 0
    assert "call-000.wav" in contents(out)["failures"]
    shutil.copy2(next(recordings.rglob("call-000.wav")), few)
    shutil.copy2(next(recordings.rglob("call-005.wav")), few / "call-001.wav")
    shutil.copy2(next(recordings.rglob("call-006.flac")), few / "call-006.flac")
    assert archive(few, "--out", out) == 0
    assert archive(few, "--out", tmp_path / "fresh") == 0

    assert contents(out) == contents(tmp_path / "fresh")


def test_another_recording_of_the_same_name_replaces_none(few, recordings, archive, contents, tmp_path):
    out, other = tmp_path / "timelines", tmp_path / "other"
    assert archive(few, "--out", out) == 0
    before = contents(out)
    other.mkdir()
    shutil.copy2(next(recordings.rglob("call-005.wav")), other / "call-001.wav")
    os.utime(other / "call-001.wav", ns=(0, (few / "call-001.wav").stat().st_mtime_ns))
    assert archive(other, "--out", out) == 1
    (failure,) = csv.DictReader(contents(out)["failures"].splitlines())
    assert failure["recording"] == "call-001.wav" and str(few / "call-001.wav") in failure["reason"]
    assert contents(out) == {**before, "failures": contents(out)["failures"]}

    shutil.copytree(few, tmp_path / "copy")
    assert archive(tmp_path / "copy", "--out", out) == 0  # the same recordings
    assert contents(out) == before
    shutil.rmtree(tmp_path / "copy")
    assert archive(other, "--out", out) == 0  # the other one is gone, so that this is its new content
    assert contents(out)["timelines"]["call-001.wav.csv"] != before["timelines"]["call-001.wav.csv"]


def test_a_damaged_timeline_is_made_again_or_told_and_stops_no_other(few, archive, contents, tmp_path):
    out = tmp_path / "timelines"
    (few / "call-002.flac").rename(tmp_path / "later.flac")
    assert archive(few, "--out", out) == 0
    before = contents(out)
    for damaged in ("call-000.wav.csv", "call-001.wav.csv"):
        (out / damaged).write_text("recording;channel\n")
    shutil.rmtree(out / "calls")
    (few / "call-001.wav").rename(tmp_path / "gone.wav")
    (tmp_path / "later.flac").rename(few / "call-002.flac")
    assert archive(few, "--out", out) == 0
    after = contents(out)
    assert [row["recording"] for row in csv.DictReader(after["failures"].splitlines())] == ["call-001.wav"]
    assert after["timelines"]["call-000.wav.csv"] == before["timelines"]["call-000.wav.csv"]
    assert [row["recording"] for row in after["calls"]] == ["call-000.wav", "call-002.flac"]

    (tmp_path / "gone.wav").rename(few / "call-001.wav")
    assert archive(few, "--out", out) == 0
    assert archive(few, "--out", tmp_path / "fresh") == 0
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("other", [["--no-transcript"], ["--prior", "neutral=0.8"], ["--explain"]])
def test_other_settings_are_refused(done, recordings, archive, capsys, other):
    assert archive(recordings, "--out", done, *other) == 2

    assert f"was made with another {other[0]}" in capsys.readouterr().err


def test_another_language_is_told_as_such(tmp_path):
    settings, folder = {"asr": "whisper-base", "language": "en"}, ArchiveFolder(tmp_path)
    with folder.locked():
        folder.check_settings(settings)
        with pytest.raises(UsageError, match=r"another language of --asr \(en, now none\)"):
            folder.check_settings(settings | {"language": None})


LONG = ("a" * 252, "ü" * 127 + "a", "x/" + "b" * 255)
TAKEN = ("failures", "FAILURES", "failures.csv/a.wav", "calls/a.wav")
NOT_IN_WINDOWS = ("CON.wav", "14:30:00.wav", "what?.wav", "aux", "dot./a.wav", "tab\tin.wav", "sub/nul.mp3")


@pytest.mark.parametrize("recording", [*LONG, *TAKEN, *NOT_IN_WINDOWS])
def test_a_name_that_cannot_be_kept_is_changed(recording):
    made = timeline_name(recording)

    assert made.endswith(".csv") and made.lower().partition("/")[0] not in ("failures.csv", "calls")
    for part in made.split("/"):
        assert len(part.encode()) <= 255
        assert not set(part) & set('<>:"|?*\\\t') and not part.endswith((".", " "))
        assert part.lower().partition(".")[0] not in ("con", "aux", "nul")


def test_usual_names_stay_and_changed_ones_do_not_become_one():
    for recording in ("call.wav", "support/2026/call.wav", "ümläut.mp3", "console.wav", "a" * 251, "folder.csv/a.wav"):
        assert timeline_name(recording) == f"{recording}.csv"
    names = ["a" * 252, "a" * 253, "a:b.wav", "a?b.wav", "a_b.wav", "failures"]
    assert len({timeline_name(one).lower() for one in names}) == len(names)


def test_what_cannot_be_made_is_refused(few, archive, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(few)
    (tmp_path / "unreadable").mkdir()
    (tmp_path / "unreadable" / "a.wav").write_bytes(b"no sound")
    with ArchiveFolder(tmp_path / "taken").locked():
        for place, out, code, why in (
            (few, "", 2, "--out"),
            (few, tmp_path / "taken", 1, "Another stser-monitor is writing into"),
            (tmp_path / "unreadable", tmp_path / "out", 1, "Not one recording could be read"),
        ):
            assert archive(place, "--out", out) == code
            assert why in capsys.readouterr().err
    assert not (few / "archive.json").exists()


def test_roles_are_those_of_the_channels_or_a_failure_and_words_stay_out(few, archive, contents, tmp_path):
    assert archive(few, "--out", tmp_path / "out", "--channels", "customer,agent", "--no-transcript", "--quiet") == 0

    made = contents(tmp_path / "out")
    assert {(row["speaker"], row["emotion"] is not None) for row in made["turns"]} == {
        ("customer", True),
        ("agent", False),
    }
    assert {row["transcript"] for row in made["turns"]} == {None}
    rows = list(csv.DictReader(made["failures"].splitlines()))
    assert [row["recording"] for row in rows] == ["call-001.wav", "call-002.flac"]
    assert "--channels names 2 channels (customer, agent), but call-001.wav has 1 channel." in rows[0]["reason"]


def test_mono_that_was_stored_as_stereo_is_told_once(archive, tmp_path, capsys, write_wav):
    (tmp_path / "in").mkdir()
    tone = (12_000 * np.sin(np.arange(16_000) / 5)).astype("<i2")
    for name in ("a.wav", "b.wav", "c.wav"):
        write_wav(tmp_path / "in" / name, [tone, tone])
    assert archive(tmp_path / "in", "--out", tmp_path / "out") == 0

    said = capsys.readouterr().err
    assert said.count("are the same, so it is treated as mono") == 1
    assert "the same holds for 2 further recordings." in said


def test_a_full_disk_is_one_sentence_and_leaves_only_whole_files(few, archive, tmp_path, monkeypatch, capsys):
    synchronise = os.fsync
    left = iter(range(6))

    def filling(descriptor):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", filling)
    assert archive(few, "--out", tmp_path / "out") == 1
    monkeypatch.undo()

    said = capsys.readouterr().err
    assert said.count("No space left on device") == 1
    for timeline in (tmp_path / "out").rglob("*.wav.csv"):
        assert timeline.read_text().endswith("\n")
    temporary = tmp_path / "out" / ".archive" / "temporary"
    assert list(temporary.iterdir()) == []
    (temporary / "left by a kill").touch()
    assert archive(few, "--out", tmp_path / "out", "--quiet") == 0
    assert list(temporary.iterdir()) == []
