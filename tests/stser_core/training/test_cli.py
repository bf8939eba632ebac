"""`stser-train`: what its options choose, and what it says of those that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from stser_core.errors import DataError
from stser_core.training.cli import main
from stser_core.training.clip import Clip
from stser_core.training.options import Chosen


def clip(number: int, speaker: str, session: str | None, split: str | None = None) -> Clip:
    return Clip(f"c/{number}", None, "words", "sad", speaker, session, split, "en", "c", None)


CLIPS = (clip(1, "anna", "Ses1"), clip(2, "ben", "Ses1"), clip(3, "cleo", "Ses2"), clip(4, "dan", "Ses3"))


def numbers(clips: tuple[Clip, ...]) -> list[str]:
    return [one.id[2:] for one in clips]


def test_clips_are_chosen_by_session_and_by_speaker() -> None:
    assert numbers(Chosen().of(CLIPS)) == ["1", "2", "3", "4"]
    assert numbers(Chosen(session=["Ses1", "Ses3"]).of(CLIPS)) == ["1", "2", "4"]
    assert numbers(Chosen(speaker=["cleo"]).of(CLIPS)) == ["3"]
    assert numbers(Chosen(session=["Ses1"], speaker=["ben", "cleo"]).of(CLIPS)) == ["2"]
    assert numbers(Chosen(split="test").of((*CLIPS, clip(5, "eve", None, "test")))) == ["5"]


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(DataError, match=r"'Ses05'.*Ses1, Ses2, Ses3"):
        Chosen(session=["Ses1", "Ses05"]).of(CLIPS)
    with pytest.raises(DataError, match=r"'zoe'.*anna, ben, cleo"):
        Chosen(speaker=["zoe"]).of(CLIPS)
    with pytest.raises(DataError, match="--split"):
        Chosen(split="test").of(CLIPS)
    with pytest.raises(DataError, match="--session, --speaker"):
        Chosen(session=["Ses1"], speaker=["dan"]).of(CLIPS)


def test_without_arguments_it_says_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: stser-train")
    assert "cross-validate" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--seed", "-1"], 2, "--seed"),
        (["--text-encoder", "/nonexistent"], 2, "the folder /nonexistent does not exist"),
        (["--classifiers", "speech", "--text-encoder", "albert-base-v2"], 2, "no classifier of this recipe"),
        (["--checkpoint", "default"], 2, "--checkpoint goes with --encoder"),
        (["--held-out-call", "one"], 2, "needs --routine"),
        ([], 1, "nothing.csv does not exist"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(
    arguments: list[str], code: int, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--corpus", "manifest", "--data", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "run")]
    assert main(["fit", *place, *arguments]) == code
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_split_is_one_of_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--checkpoint", "default", "--corpus", "manifest", "--data", "x", "--split", "dev"]) == 2
    assert "'train', 'validation', 'test'" in capsys.readouterr().err


def test_results_are_not_written_over_what_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "texts.csv"
    manifest.write_text("text,label\nhello,neutral\n")
    place = ["--corpus", "manifest", "--data", str(manifest), "--json", str(manifest)]
    assert main(["evaluate", "--checkpoint", "default", *place]) == 2
    assert "which is read" in capsys.readouterr().err
    assert manifest.read_text().startswith("text,label")


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "--out", "run"],
        ["cross-validate", "--out", "run"],
        ["baseline", "--baseline", "tfidf"],
        ["evaluate", "--checkpoint", "run"],
    ],
)
def test_every_command_refuses_data_given_twice(
    command: list[str], iemocap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--corpus", "iemocap", "--data", str(iemocap), "--data", str(iemocap)]) == 1
    assert "given more than once" in capsys.readouterr().err


def test_streams_need_something_to_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--checkpoint", "default", "--streams"]) == 2
    assert "--routine FOLDER" in capsys.readouterr().err
