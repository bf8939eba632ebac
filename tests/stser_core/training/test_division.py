"""What one run learns from, validates with and is judged by, when its clips come from several corpora."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stser_core.errors import DataError, UsageError
from stser_core.training.cli import main
from stser_core.training.clip import Clip
from stser_core.training.division import divide, refuse_doubles
from stser_core.training.folds import HoldOut


def corpus(name: str, split: str | None = None, speakers: int = 5) -> list[Clip]:
    return [
        Clip(f"{name}/{n}", Path(f"{name}{n}.wav"), None, "sad", f"{name}{n % speakers}", None, split, None, name, None)
        for n in range(20)
    ]


def corpora(clips: tuple[Clip, ...]) -> set[str]:
    return {clip.corpus for clip in clips}


def test_each_corpus_without_splits_is_in_each_part() -> None:
    fold = divide(corpus("a") + corpus("b"), HoldOut(), 0.2)
    assert corpora(fold.train) == corpora(fold.validation) == corpora(fold.test) == {"a", "b"}
    assert len(fold.train) + len(fold.validation) + len(fold.test) == 40


@pytest.mark.parametrize("other", [None, "train"])
def test_a_corpus_may_be_all_test(other: str | None) -> None:
    fold = divide(corpus("a", other) + corpus("b", "test"), HoldOut())
    assert corpora(fold.test) == {"b"} and len(fold.test) == 20
    assert corpora(fold.train) == corpora(fold.validation) == {"a"}


def test_a_corpus_may_be_all_validation() -> None:
    fold = divide(corpus("a", "train") + corpus("b", "validation"), HoldOut())
    assert (corpora(fold.train), corpora(fold.validation)) == ({"a"}, {"b"})


def test_one_row_without_a_split_does_not_lose_the_others() -> None:
    clips = corpus("a", "train")
    with pytest.raises(DataError, match="1 of 20 clips of a have no split"):
        divide([replace(clips[0], split=None), *clips[1:]], HoldOut())


def test_nobody_is_on_two_sides_of_two_corpora() -> None:
    known = [replace(clip, speaker="a0") for clip in corpus("b", "test")]
    with pytest.raises(DataError, match=r"a0 in (training|validation) and test"):
        divide(corpus("a") + known, HoldOut())
    copied = [replace(clip, path=Path("a0.wav")) if clip.id == "b/0" else clip for clip in corpus("b", "test")]
    with pytest.raises(DataError, match="file"):
        divide(corpus("a") + copied, HoldOut())


def test_nothing_is_given_twice(tmp_path: Path) -> None:
    refuse_doubles(corpus("a") + corpus("b"))
    with pytest.raises(DataError, match="20 clips given more than once"):
        refuse_doubles(corpus("a") * 2)
    (tmp_path / "sound.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "sound.wav")
    first, second = (
        replace(clip, path=tmp_path / name)
        for clip, name in zip(corpus("a")[:2], ("sound.wav", "link.wav"), strict=True)
    )
    with pytest.raises(DataError, match="1 recording given more than once"):
        refuse_doubles([first, second])


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "--out", "run"],
        ["cross-validate", "--out", "run"],
        ["baseline", "--rival", "tfidf"],
        ["evaluate", "--checkpoint", "run"],
    ],
)
def test_every_command_refuses_data_given_twice(
    command: list[str], iemocap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--corpus", "iemocap", "--data", str(iemocap), "--data", str(iemocap)]) == 1
    assert "given more than once" in capsys.readouterr().err


def test_speakers_are_not_held_out_where_the_data_say_what_is_test() -> None:
    fixed = corpus("a", "train") + corpus("b", "validation")
    with pytest.raises(UsageError, match="--test-share: these data say themselves"):
        divide(fixed, HoldOut(), 0.2)
    assert divide(fixed + corpus("c"), HoldOut(), 0.2).test
