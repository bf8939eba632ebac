"""Routine calls: turns and pauses of a recording that is known, held-out calls, and service texts."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from making import clip, looped, write_wav

from stser_core.audio import load_mono
from stser_core.config import SAMPLE_RATE
from stser_core.errors import DataError, UsageError
from stser_core.training.cli import main
from stser_core.training.recipe import Recipe
from stser_core.training.routine import CallData, read_call_data, read_calls, service_texts, turn_clips
from stser_core.training.run import RunData
from stser_core.training.splits import Fold

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def calls(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two calls of three turns each, with 1.5 s of hiss around them; the second has two channels, one silent."""
    folder = tmp_path_factory.mktemp("calls")
    turns = [load_mono(path) for path in sorted((data / "emodb").glob("*.flac"))[:3]]
    hiss = [(0.002 * RNG.standard_normal(SAMPLE_RATE * 3 // 2)).astype(np.float32) for _ in range(4)]
    call = np.concatenate([hiss[0], turns[0], hiss[1], turns[1], hiss[2], turns[2], hiss[3]])
    write_wav(folder / "one.wav", call)
    write_wav(folder / "two.wav", np.stack([call, np.zeros_like(call)]))
    return folder


def test_a_call_is_cut_into_its_turns_and_pauses(calls: Path, tmp_path: Path) -> None:
    training, held = read_calls(calls, ["one"])
    (channel,) = held
    assert [one.name for one in training] == ["two-1"]
    assert len(channel.turns) == 3
    assert channel.turns[0][0] == pytest.approx(1.5 * SAMPLE_RATE, abs=0.3 * SAMPLE_RATE)
    assert np.abs(channel.pause).max() < 0.02, "only hiss"
    assert len(channel.pause) / SAMPLE_RATE == pytest.approx(5, abs=1.5)
    with pytest.raises(DataError, match="holds no recording with speech"):
        read_calls(tmp_path)


def test_recordings_of_one_name_are_calls_of_their_own(calls: Path, tmp_path: Path) -> None:
    mono, stereo = calls / "one.wav", tmp_path / "calls" / "x.wav"
    for path in ("mon/one.wav", "tue/one.wav", "tue/one.opus", "all.wav", "x-1.wav"):
        (tmp_path / "calls" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mono, tmp_path / "calls" / path)
    write_wav(stereo, np.stack([load_mono(mono)] * 2))
    training, held = read_calls(stereo.parent, ["mon/one", "tue/one.wav", "x-1"])
    assert [one.name for one in held] == ["mon/one", "tue/one.wav", "x-1"]
    named = [(one.call, one.name) for one in training]
    assert named == [("all.wav", "all.wav"), ("tue/one.opus", "tue/one.opus"), ("x", "x.wav/1"), ("x", "x-2")]
    clips = turn_clips([*training, *held], tmp_path)
    assert len({clip.id for clip in clips}) == 3 * len({clip.speaker for clip in clips}) == 21
    wrong = {"one": "mon/one.wav", "one.wav": "tue/one.wav", "tue/one": "tue/one.opus", "three": "recording 'three'"}
    for name, said in wrong.items():
        with pytest.raises(UsageError, match=said):
            read_calls(stereo.parent, [name])


def test_turns_are_weak_neutral_clips_of_their_channel_or_held_out(calls: Path, tmp_path: Path) -> None:
    for named, expected in (((), ["one", "two-1"]), (("two",), ["two-1"])):
        found = read_call_data(calls, named, None, tmp_path, train=False)
        assert [one.name for one in found.held_out] == expected
        assert found.train == found.pauses == () and not list(tmp_path.iterdir())
    training, _ = read_calls(calls)
    clips = turn_clips(training, tmp_path)
    assert len(clips) == 6 and all(clip.weak and clip.label == "neutral" for clip in clips)
    assert {clip.speaker for clip in clips} == {"routine_one", "routine_two-1"}
    start, end = training[0].turns[1]
    np.testing.assert_allclose(load_mono(clips[1].path), training[0].sound[start:end], atol=1e-4)


@pytest.mark.slow
def test_held_out_calls_are_evaluated_also_without_test_clips(
    calls: Path, iemocap: Path, frames_recipe: Recipe, front_end: Path, cache: Path, tmp_path: Path
) -> None:
    recipe, run = tmp_path / "recipe.json", tmp_path / "run"
    recipe.write_bytes(looped(frames_recipe, epochs=1).to_json())
    given = {"--recipe": recipe, "--front-end": front_end, "--cache": cache, "--out": run}
    given |= {"--data": iemocap, "--routine": calls, "--held-out-call": "one"}
    assert main(["fit", "--corpus", "iemocap", *(str(part) for option in given.items() for part in option)]) == 0
    found = json.loads((run / "test.json").read_text())
    assert found["streams"]["routine"]["one"]["turns"] == 3 and "classifiers" not in found
    assert "| one | 3 |" in (run / "checkpoint" / "README.md").read_text()


@pytest.mark.parametrize("text", ["hello", None])
def test_service_texts_are_trained_on_beside_other_texts_alone(text: str | None) -> None:
    fold = Fold("1", (clip(1, text=text),), (clip(2, text=text, speaker="b"),), ())
    turn, said = clip("turn", weak=True), clip("service", path=None, text="a table for two", weak=True)
    data = RunData.of(fold, CallData(train=(turn, said), validation=(said,)))
    assert data.train == (*fold.train, turn, said)[: 3 if text else 2]
    assert data.validation == (*fold.validation, said)[: 2 if text else 1]


def test_service_texts_are_neutral_once_each_and_split_by_their_words(tmp_path: Path) -> None:
    rows = [("sgd", f"A table for {n} please.") for n in (*range(400), 1)] + [("nltk", "No.")]
    path = tmp_path / "texts.tsv.gz"
    path.write_bytes(gzip.compress(("corpus\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in rows)).encode()))
    clips = service_texts(path)
    assert len(clips) == 400 and all(clip.weak and clip.label == "neutral" and clip.path is None for clip in clips)
    held = [clip.split for clip in clips]
    assert held.count("test") == pytest.approx(40, abs=20) and held.count("validation") == pytest.approx(40, abs=20)
    assert [clip.split for clip in service_texts(path)] == held
    wrong = {"words\nhello\n": "columns corpus and text", "corpus\ttext\nnltk\tNo.\n": "no text of the corpora sgd"}
    for content, said in wrong.items():
        (tmp_path / "wrong.tsv").write_text(content)
        with pytest.raises(DataError, match=said):
            service_texts(tmp_path / "wrong.tsv")
