"""The protocol from end to end, on a small tree in IEMOCAP's format."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from making import looped

from stser_core import checkpoint
from stser_core.errors import DataError
from stser_core.training import streams
from stser_core.training.baselines.baseline import Usable
from stser_core.training.caches import SoundCache
from stser_core.training.cli import main
from stser_core.training.cross_validation import Protocol, cross_validate, evaluate_baselines, mean_streams, spread
from stser_core.training.recipe import Recipe, only
from stser_core.training.report import Spread
from stser_core.training.splits import Fold


@pytest.fixture
def given(recipe: Recipe, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_bytes(looped(recipe, epochs=1).to_json())
    return path


@pytest.mark.slow
def test_five_sessions_five_folds_and_a_table(
    iemocap: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["cross-validate", "--corpus", "iemocap", "--data", str(iemocap), "--recipe", str(given)]
    arguments += ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--jobs", "2"]
    arguments += ["--baseline", "tfidf"]
    assert main(arguments) == 0
    shown, said = capsys.readouterr()
    for row in ("speech", "text", "bimodal", "ensemble", "72.05", "MDRE"):
        assert row in shown
    assert "5,531" in said  # the count differs from the real corpus, and it says so

    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [run["fold"] for run in results["runs"]] == ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
    wa = [run["classifiers"]["ensemble"]["wa"] for run in results["runs"]]
    assert results["summary"]["ensemble"]["wa"]["mean"] == pytest.approx(sum(wa) / 5)
    assert len(next(iter(results["baselines"].values()))["runs"]) == 5
    for run in results["runs"]:
        folder = tmp_path / "out" / "seed0" / run["fold"] / "checkpoint"
        assert tuple(checkpoint.read_config(folder).classifiers) == ("speech", "text", "bimodal")

    # Called again, nothing is trained again.
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")} == trained


@pytest.mark.slow
def test_no_run_is_lost_unless_that_is_asked_for_and_only_other_clips_are_evaluated_again(
    folds: list[Fold], recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    once = replace(looped(recipe, epochs=1), model=only(recipe.model, ["text"]))
    fold = replace(folds[0], test=folds[0].test[:2])
    run = tmp_path / "seed0" / fold.name

    def validated(one: Fold, recipe: Recipe = once, *, overwrite: bool = False) -> tuple[dict[str, Any], int]:
        (results,) = cross_validate([one], [0], Protocol(recipe, cache, overwrite=overwrite), tmp_path)
        return results["classifiers"], (run / "checkpoint" / "model.safetensors").stat().st_mtime_ns

    metrics, trained = validated(fold)
    kept = json.loads((run / "test.json").read_text()) | {"classifiers": "kept"}
    (run / "test.json").write_text(json.dumps(kept))
    assert validated(fold) == ("kept", trained)
    assert validated(replace(fold, test=folds[0].test[:3])) != ("kept", trained)
    for other, changed in ((replace(fold, train=fold.train[1:]), once), (fold, replace(once, batch=2))):
        with pytest.raises(DataError, match=r"has (other data|another recipe)"):
            validated(other, changed)
    assert validated(fold) == (metrics, trained)
    assert validated(replace(fold, train=fold.train[1:]), overwrite=True)[1] > trained


@pytest.mark.slow
def test_folds_start_from_those_of_an_earlier_cross_validation(
    iemocap: Path, given: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speech = tmp_path / "speech.json"
    once = replace(looped(recipe, epochs=1), model=only(recipe.model, ["speech"]))
    speech.write_bytes(once.to_json())
    used = tmp_path / "used.json"
    used.write_bytes(replace(once, frozen=("smodel",)).to_json())
    common = ["cross-validate", "--corpus", "iemocap", "--data", str(iemocap), "--cache", str(tmp_path / "cache")]
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    assert main([*common, "--recipe", str(speech), "--out", str(earlier)]) == 0
    starting = [*common, "--recipe", str(used), "--out", str(later), "--start-from", str(earlier)]

    assert main(starting) == 0

    for fold in ("Ses01", "Ses05"):
        first, second = (
            checkpoint.load(runs / "seed0" / fold / "checkpoint").model.smodel.state_dict() for runs in (earlier, later)
        )
        assert all(torch.equal(one, second[name]) for name, one in first.items())
    before = (later / "seed0" / "Ses01" / "checkpoint" / "model.safetensors").stat().st_mtime_ns
    assert main(starting) == 0  # nothing is trained again
    assert (later / "seed0" / "Ses01" / "checkpoint" / "model.safetensors").stat().st_mtime_ns == before

    capsys.readouterr()
    other = [*starting, "--validation-proportion", "0.4"]
    assert main(other) == 1
    assert "no finished run of the same fold" in capsys.readouterr().err


def test_a_baseline_is_asked_again_only_about_other_clips(folds: list[Fold], cache: Path, tmp_path: Path) -> None:
    asked: list[Usable] = []

    class Quiet:
        name, reads = "quiet", ("text",)

        def answer(self, clips: Usable, sounds: SoundCache, cache: Path, seed: int) -> np.ndarray:
            asked.append(clips)
            return np.eye(4, dtype=np.float32)[[0] * len(clips.test)]

        def __repr__(self) -> str:
            return "quiet"

    def runs(some: list[Fold], out: Path | None = tmp_path) -> list[dict[str, Any]]:
        return evaluate_baselines({"quiet": Quiet()}, some, [0], cache, out)["quiet"]["runs"]

    first = runs(folds)
    assert runs(folds) == first
    assert len(first) == len(asked) == 5
    runs([replace(folds[0], train=folds[0].train[1:]), *folds[1:]])
    assert [clips.test for clips in asked[5:]] == [folds[0].test]
    untold = replace(folds[0], test=(replace(folds[0].test[0], text=None), *folds[0].test[1:]))
    assert runs([untold], None)[0]["n"] == len(untold.test) - 1
    with pytest.raises(DataError, match="quiet could answer no clip"):
        runs([replace(folds[0], test=())])


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--json", "."], 1, "it is a folder"),
        (["--json", "file/figures.json"], 1, "cannot be made"),
        (["--out", "file"], 1, "cannot be made"),
        (["--baseline", "egemaps"], 1, "[baselines]"),
    ],
)
def test_what_would_fail_after_training_fails_before(
    options: list[str], code: int, sentence: str, iemocap: Path, given: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "opensmile", None)  # as if it were not installed
    (tmp_path / "file").touch()
    arguments = ["cross-validate", "--corpus", "iemocap", "--data", str(iemocap), "--recipe", str(given)]
    assert main([*arguments, "--out", "out", *options]) == code
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.rglob("recipe.json"))[1:], "no run was begun"


@pytest.mark.slow
def test_baseline_and_evaluate_print_one_json_object(
    iemocap: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--corpus", "iemocap", "--data", str(iemocap)]
    assert main(["baseline", *data, "--baseline", "tfidf", "--json", "-", "--cache", str(tmp_path)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["baselines"].values()
    assert found["summary"]["ua"]["mean"] > 0.5  # the tree's texts carry the emotion
    run = ["--recipe", str(given), "--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    assert main(["fit", *data, *run, "--test-proportion", "0.2"]) == 0
    capsys.readouterr()
    trained = str(tmp_path / "run" / "checkpoint")
    assert main(["evaluate", "--checkpoint", trained, *data, "--band", "both", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["classifiers"]) == {"speech", "text", "bimodal", "ensemble"}
    assert set(found["breakdown"]["band"]) == {"wide", "telephone"}


@pytest.mark.slow
def test_streams_of_all_folds_are_averaged(
    folds: list[Fold],
    frames_recipe: Recipe,
    front_end: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_FEWEST", 2)  # the tree has no more of a label by one speaker
    protocol = Protocol(looped(frames_recipe, epochs=1), cache, front_end=front_end, streams=True)
    results = cross_validate(folds[:2], [0], protocol, tmp_path)
    (mean,) = mean_streams(results)
    assert (spread([0.5]), spread([0.4, 0.6]).sd) == (Spread(0.5, 0.0), pytest.approx(0.1414, abs=1e-4))
    each = [run["streams"]["streams"]["wide"]["even"] for run in results]
    assert mean["streams"]["wide"]["even"]["turns"] == sum(one["turns"] for one in each)
    assert mean["streams"]["wide"]["even"]["emotions"] == pytest.approx(np.mean([one["emotions"] for one in each]))
