"""The protocol from end to end, on a small tree in IEMOCAP's format."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import psutil
import pytest
import torch
from making import looped
from msgspec import structs

from stser_core import checkpoint
from stser_core.errors import DataError
from stser_core.training import streams
from stser_core.training.cli import main
from stser_core.training.cross_validation import Protocol, cross_validate, evaluate_baselines, mean_streams, spread
from stser_core.training.recipe import only
from stser_core.training.report import Spread
from stser_core.training.routine import CallData, Channel


@pytest.fixture
def given(recipe, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_bytes(looped(recipe, epochs=1).to_json())
    return path


def models(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("model.safetensors")}


@pytest.mark.slow
def test_five_sessions_five_folds_and_a_table(iemocap, given, tmp_path, capsys):
    out, baseline = tmp_path / "out", ["--baseline", "tfidf"]
    data = ["--corpus", "iemocap", "--data", str(iemocap), "--cache", str(tmp_path / "cache")]
    arguments = ["cross-validate", *data, "--recipe", str(given), "--out", str(out), "--jobs", "2", *baseline]
    assert main(arguments) == 0
    shown, said = capsys.readouterr()
    for row in ("speech", "text", "bimodal", "ensemble", "72.05", "MDRE"):
        assert row in shown
    assert "5,531" in said  # the count differs from the real corpus, and it says so
    results = json.loads((out / "results.json").read_text())
    assert [run["fold"] for run in results["runs"]] == ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
    wa = [run["classifiers"]["ensemble"]["wa"] for run in results["runs"]]
    assert results["summary"]["ensemble"]["wa"]["mean"] == pytest.approx(sum(wa) / 5)
    assert len(next(iter(results["baselines"].values()))["runs"]) == 5
    for run in results["runs"]:
        config = checkpoint.read_config(out / "seed0" / run["fold"] / "checkpoint")
        assert tuple(config.classifiers) == ("speech", "text", "bimodal")
    trained = models(tmp_path)
    assert main([*arguments, "--jobs", "1"]) == 0
    assert models(tmp_path) == trained, "called again, nothing is trained again"
    capsys.readouterr()
    assert main(["baseline", *data, *baseline, "--json", "-"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["baselines"].values()
    assert found["summary"]["ua"]["mean"] > 0.5  # the tree's texts carry the emotion
    fold = ["--checkpoint", str(out / "seed0" / "Ses05" / "checkpoint"), "--session", "Ses05"]
    assert main(["evaluate", *data, *fold, "--band", "both", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["classifiers"]) == {"speech", "text", "bimodal", "ensemble"}
    assert set(found["breakdown"]["band"]) == {"wide", "telephone"}


@pytest.mark.slow
def test_no_run_is_lost_unless_that_is_asked_for_and_only_other_clips_are_evaluated_again(
    folds, recipe, cache, tmp_path
):
    once = structs.replace(looped(recipe, epochs=1), model=only(recipe.model, ["text"]))
    fold = replace(folds[0], test=folds[0].test[:2])
    run = tmp_path / "seed0" / fold.name

    def validated(one, recipe=once, *, overwrite=False):
        (results,) = cross_validate([one], [0], Protocol(recipe, cache, overwrite=overwrite), tmp_path)
        return results["classifiers"], (run / "checkpoint" / "model.safetensors").stat().st_mtime_ns

    metrics, trained = validated(fold)
    kept = json.loads((run / "test.json").read_text()) | {"classifiers": "kept"}
    (run / "test.json").write_text(json.dumps(kept))
    assert validated(fold) == ("kept", trained)
    assert validated(replace(fold, test=folds[0].test[:3])) != ("kept", trained)
    for other, changed in ((replace(fold, train=fold.train[1:]), once), (fold, structs.replace(once, batch=2))):
        with pytest.raises(DataError, match=r"has (other data|another recipe)"):
            validated(other, changed)
    assert validated(fold) == (metrics, trained)
    assert validated(replace(fold, train=fold.train[1:]), overwrite=True)[1] > trained


@pytest.mark.slow
@pytest.mark.parametrize("signals", [[signal.SIGKILL], [signal.SIGINT], [signal.SIGINT, signal.SIGINT]])
def test_its_processes_end_with_it(iemocap, recipe, tmp_path, signals):
    path, out = tmp_path / "recipe.json", tmp_path / "out"
    path.write_bytes(looped(recipe, epochs=5_000).to_json())
    call = f"import sys; from {main.__module__} import main; sys.exit(main())"
    data = ["--corpus", "iemocap", "--data", str(iemocap), "--cache", str(tmp_path / "cache")]
    options = [*data, "--recipe", str(path), "--out", str(out), "--jobs", "2"]
    command = [sys.executable, "-c", call, "cross-validate", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as running:
        while len(list(out.rglob("last.safetensors"))) < 2:
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.05)
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) >= 2
        for number in signals:
            (os.kill if number == signal.SIGKILL else os.killpg)(running.pid, number)
            time.sleep(0.1)
        _, alive = psutil.wait_procs(children, timeout=20)
        for child in alive:
            child.kill()
        assert alive == []
        if len(signals) == 1:
            assert running.wait(20) == (130 if signals == [signal.SIGINT] else -signal.SIGKILL)
            assert b"Traceback" not in running.stderr.read()


@pytest.mark.slow
def test_folds_start_from_those_of_an_earlier_cross_validation(folds, speech_recipe, cache, tmp_path):
    once = looped(speech_recipe, epochs=1)
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    cross_validate(folds[:1], [0], Protocol(once, cache), earlier)
    used = Protocol(structs.replace(once, frozen=("smodel",)), cache, earlier=earlier)
    cross_validate(folds[:1], [0], used, later)
    place = f"seed0/{folds[0].name}/checkpoint"
    first, second = (checkpoint.load_model(runs / place).smodel.state_dict() for runs in (earlier, later))
    assert all(torch.equal(one, second[name]) for name, one in first.items())
    trained = models(later)
    cross_validate(folds[:1], [0], used, later)
    assert models(later) == trained, "nothing is trained again"
    with pytest.raises(DataError, match="no finished run of the same fold"):
        cross_validate([replace(folds[0], train=folds[0].train[1:])], [0], used, later)


def test_a_baseline_is_asked_again_only_about_other_clips(folds, cache, tmp_path):
    asked = []

    @dataclass
    class Quiet:
        name: str = "quiet"
        reads = ("text",)

        def answer(self, clips, sounds, cache, seed):
            asked.append(clips)
            return np.eye(4, dtype=np.float32)[[0] * len(clips.test)]

    def runs(some, out=tmp_path):
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
    ("options", "sentence"),
    [
        (["--json", "."], "it is a folder"),
        (["--json", "file/figures.json"], "Cannot write 'file'"),
        (["--out", "file"], "Cannot write 'file'"),
        (["--baseline", "egemaps"], "[baselines]"),
    ],
)
def test_what_would_fail_after_training_fails_before(options, sentence, iemocap, given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "opensmile", None)  # as if it were not installed
    (tmp_path / "file").touch()
    arguments = ["cross-validate", "--corpus", "iemocap", "--data", str(iemocap), "--recipe", str(given)]
    assert main([*arguments, "--out", "out", *options]) == 1
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.rglob("recipe.json"))[1:], "no run was begun"


@pytest.mark.slow
def test_streams_of_all_folds_are_averaged(folds, frames_recipe, front_end, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "_FEWEST", 2)  # the tree has no more of a label by one speaker
    protocol = Protocol(looped(frames_recipe, epochs=1), cache, front_end=front_end, streams=True)
    (run,) = cross_validate(folds[:1], [0], protocol, tmp_path)
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    calls = CallData(held_out=(Channel("call", "call", sound, ((0, 16_000), (20_000, 48_000)), sound),))
    (again,) = cross_validate(folds[:1], [0], replace(protocol, calls=calls), tmp_path)
    assert "routine" not in run["streams"] and again["streams"]["routine"]["call"]["turns"] == 2
    even = run["streams"]["streams"]["wide"]["even"]
    kinds = {"even": {"turns": 5, "emotions": 1.0}}
    other = {"streams": {"checkpoint": "b", "prior": None, "streams": {"wide": kinds}}}
    (mean,) = mean_streams([run, other])
    found = mean["streams"]["wide"]["even"]
    assert found["turns"] == even["turns"] + 5
    assert found["emotions"] == pytest.approx((even["emotions"] + 1) / 2)
    assert (spread([0.5]), spread([0.4, 0.6]).sd) == (Spread(0.5, 0.0), pytest.approx(0.1414, abs=1e-4))
