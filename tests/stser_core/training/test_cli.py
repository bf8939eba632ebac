"""`stser-train`: what its options choose, and what it says of those that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import clip

from stser_core.errors import DataError
from stser_core.training.cli import main
from stser_core.training.clip import Clip
from stser_core.training.options import Chosen

WHO = (("anna", "Ses1"), ("ben", "Ses1"), ("cleo", "Ses2"), ("dan", "Ses3"))
CLIPS = tuple(clip(n, speaker=speaker, session=session) for n, (speaker, session) in enumerate(WHO, start=1))


def numbers(clips: tuple[Clip, ...]) -> list[str]:
    return [one.id[2:] for one in clips]


def test_clips_are_chosen_by_session_and_by_speaker() -> None:
    assert numbers(Chosen().of(CLIPS)) == ["1", "2", "3", "4"]
    assert numbers(Chosen(session=["Ses1", "Ses3"]).of(CLIPS)) == ["1", "2", "4"]
    assert numbers(Chosen(speaker=["cleo"]).of(CLIPS)) == ["3"]
    assert numbers(Chosen(session=["Ses1"], speaker=["ben", "cleo"]).of(CLIPS)) == ["2"]
    assert numbers(Chosen(split="test").of((*CLIPS, clip(5, split="test")))) == ["5"]


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
        (["--corpus", "nowhere"], 2, "nowhere"),
        (["--corpus", "iemocap", "--corpus", "emodb"], 2, "in pairs"),
        (["--preset", "huge"], 2, "Unknown preset"),
        (["--epochs", "none"], 2, "--epochs"),
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
    place = ["--data", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "run")]
    corpus = [] if "--corpus" in arguments else ["--corpus", "manifest"]
    assert main(["fit", *place, *corpus, *arguments]) == code
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_results_are_not_written_over_what_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "texts.csv"
    manifest.write_text("text,label\nhello,neutral\n")
    place = ["--corpus", "manifest", "--data", str(manifest), "--json", str(manifest)]
    assert main(["evaluate", "--checkpoint", "default", *place]) == 2
    assert "is the data itself" in capsys.readouterr().err
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


@pytest.mark.parametrize(("options", "said"), [(["--streams"], "--routine FOLDER"), (["--split", "dev"], "'test'")])
def test_evaluation_needs_something_that_is_there(options: list[str], said: str, capsys) -> None:
    assert main(["evaluate", "--checkpoint", "default", *options]) == 2
    assert said in capsys.readouterr().err
