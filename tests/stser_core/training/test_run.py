"""A run: same seed, same weights; killed and resumed as if nothing had been; two processes as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file

from stser_core import checkpoint
from stser_core.ensemble import Joining
from stser_core.errors import DataError, UsageError
from stser_core.training import run
from stser_core.training.augmentation import Augmentation
from stser_core.training.distributed import shared_batch
from stser_core.training.pairs import PairMixture
from stser_core.training.run import Data, fit
from stser_core.training.settings import Recipe
from stser_core.training.trainer import StopOnCtrlC

# Whoever started these tests in the background has switched Ctrl-C off.
_COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from stser_core.training.cli import main
sys.exit(main())
"""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def write(recipe: Recipe, folder: Path) -> Path:
    path = folder / "given.json"
    path.write_bytes(recipe.to_json())
    return path


def command(*arguments: object, processes: int = 1) -> list[str]:
    started = [sys.executable, "-c", _COMMAND]
    if processes > 1:
        program = Path(sys.executable).parent / "stser-train"
        started = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        started += ["--no-python", str(program)]
    return [*started, *map(str, arguments)]


def test_one_seed_gives_one_result(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    adapting = replace(recipe.model, speaker_adaptation=True)
    lively = replace(recipe, model=adapting, augmentation=Augmentation(*[0.5] * 10))
    first, second = (fit(sample, lively, tmp_path / name, tmp_path / "cache") for name in ("a", "b"))
    assert same(weights(first), weights(second))
    other = fit(sample, replace(lively, seed=1), tmp_path / "c", tmp_path / "cache")
    assert not same(weights(first), weights(other))


def test_the_checkpoint_answers_with_all_that_was_trained(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    folder = fit(sample, recipe, tmp_path / "run", tmp_path / "cache")
    loaded = checkpoint.load(folder)
    assert loaded.model.settings.classifiers == ("speech", "text", "bimodal")
    assert set(loaded.model.settings.temperatures) == {"speech", "text", "bimodal", "ensemble"}
    card = (folder / "README.md").read_text()
    assert ("iemocap" in card and "Expected calibration error" in card) or "expected calibration error" in card
    assert json.loads((tmp_path / "run" / "history.json").read_text())


def test_only_what_has_data_is_trained(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    def without_words(data: Data) -> Data:
        return Data(*(tuple(replace(clip, text=None) for clip in part) for part in (data.train, data.validation)))

    def without_sound(data: Data) -> Data:
        return Data(*(tuple(replace(clip, path=None) for clip in part) for part in (data.train, data.validation)))

    heard = fit(without_words(sample), recipe, tmp_path / "speech", tmp_path / "cache")
    assert checkpoint.read_settings(heard).classifiers == ("speech",)
    assert not (heard / "tokenizer.json").exists()
    read = fit(without_sound(sample), recipe, tmp_path / "text", tmp_path / "cache")
    assert checkpoint.read_settings(read).classifiers == ("text",)
    with pytest.raises(DataError, match="nothing to train on: no training clip has sound or text"):
        fit(without_sound(without_words(sample)), recipe, tmp_path / "none", tmp_path / "cache")
    reading = replace(recipe, model=replace(recipe.model, classifiers=("text",)))
    with pytest.raises(DataError, match=r"no training clip has text for the classifiers .*\(text\)"):
        fit(without_words(sample), reading, tmp_path / "none", tmp_path / "cache")


def test_sound_and_texts_apart_are_joined(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    def apart(data: Data) -> Data:
        parts = []
        for part in (data.train, data.validation):
            voices = [replace(clip, text=None) for clip in part]
            parts.append((*voices, *(replace(clip, id=f"text-{clip.id}", path=None) for clip in part)))
        return Data(*parts)

    folder = fit(apart(sample), replace(recipe, pairs=PairMixture()), tmp_path / "run", tmp_path / "cache")
    assert checkpoint.read_settings(folder).classifiers == ("speech", "text", "bimodal")


def test_a_run_that_was_killed_goes_on_as_if_it_had_not(iemocap: Path, recipe: Recipe, tmp_path: Path) -> None:
    # Six epochs, so that the kill comes between the first one's end and the last one's.
    adapting = replace(recipe.model, speaker_adaptation=True)
    given = write(replace(recipe, model=adapting, epochs=6, augmentation=Augmentation(masks=0.5, speed=0.3)), tmp_path)
    options = ["fit", "--corpus", "iemocap", "--data", iemocap, "--recipe", given, "--cache", tmp_path / "cache"]
    subprocess.run(command(*options, "--out", tmp_path / "whole"), check=True, capture_output=True)

    running = subprocess.Popen(
        command(*options, "--out", tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    steps = tmp_path / "killed" / "steps"
    while not list(steps.glob("checkpoint-*/trainer_state.json")):
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "killed" / "checkpoint").exists()

    subprocess.run(command(*options, "--out", tmp_path / "killed", "--resume"), check=True, capture_output=True)
    assert same(weights(tmp_path / "killed" / "checkpoint"), weights(tmp_path / "whole" / "checkpoint"))


def test_two_processes_train_as_one(iemocap: Path, recipe: Recipe, tmp_path: Path) -> None:
    # Without dropout: each process has dice of its own for it.
    still = replace(recipe.model, dropout=0.0, speech=replace(recipe.model.speech, dropout=0.0))
    given = write(replace(recipe, model=still, epochs=12), tmp_path)  # until the answers are no toss-up
    options = ["fit", "--corpus", "iemocap", "--data", iemocap, "--recipe", given, "--test-share", "0.2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for number in (1, 2):
        done = subprocess.run(
            command(
                *options, "--out", tmp_path / str(number), "--cache", tmp_path / f"cache{number}", processes=number
            ),
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        # Two that had each trained alone, on the whole of every batch, would each tell of its epochs.
        assert done.stderr.count("epoch ") == 12
    one, two = (weights(tmp_path / name / "checkpoint") for name in ("1", "2"))
    # Adam takes whole steps along gradients that are all rounding, so single weights may part.
    apart = torch.cat([(value.float() - two[key].float()).abs().flatten() for key, value in one.items()])
    assert apart.mean() < 1e-3
    losses = [
        [row["eval_loss"] for row in json.loads((tmp_path / name / "history.json").read_text()) if "eval_loss" in row]
        for name in ("1", "2")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[0][-1] < 0.7 * losses[0][0]
    figures = [json.loads((tmp_path / name / "test.json").read_text())["classifiers"] for name in ("1", "2")]
    for name, expected in figures[0].items():
        assert figures[1][name]["wa"] == pytest.approx(expected["wa"], abs=1.1 / expected["n"]), name


def test_two_processes_hear_the_same_voices(iemocap: Path, speech_recipe: Recipe, tmp_path: Path) -> None:
    model = replace(speech_recipe.model, speaker_adaptation=True)
    given = write(replace(speech_recipe, model=model, epochs=1, batch=4), tmp_path)
    options = ["fit", "--corpus", "iemocap", "--data", iemocap, "--recipe", given, "--cache", tmp_path / "cache"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    subprocess.run(
        command(*options, "--out", tmp_path / "run", processes=2), check=True, capture_output=True, env=environment
    )

    (state,) = (tmp_path / "run" / "steps").glob("checkpoint-*/model.safetensors")
    there = load_file(state)["bank.there"]
    assert int(there.sum()) > len(there) - 4  # all but what was left over of the last batch


def test_ctrl_c_keeps_the_best_so_far(iemocap: Path, speech_recipe: Recipe, tmp_path: Path) -> None:
    given = write(replace(speech_recipe, epochs=500), tmp_path)
    options = ["fit", "--corpus", "iemocap", "--data", iemocap, "--recipe", given, "--cache", tmp_path / "cache"]
    running = subprocess.Popen(
        command(*options, "--out", tmp_path / "run"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "run" / "steps").glob("checkpoint-*/trainer_state.json")):
        assert running.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the best model so far is in" in said and "Traceback" not in said
    assert checkpoint.load(tmp_path / "run" / "checkpoint").model.settings.classifiers == ("speech",)


def test_resuming_with_another_recipe_is_refused(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    fit(sample, replace(speech_recipe, epochs=1), tmp_path / "run", tmp_path / "cache")
    with pytest.raises(DataError, match="another recipe"):
        fit(sample, speech_recipe, tmp_path / "run", tmp_path / "cache", resume=True)


def test_a_classifier_with_nothing_to_validate_with_is_named(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    mute = tuple(replace(clip, text=None) for clip in sample.validation)
    with pytest.raises(DataError, match="No validation clip has what the text classifier reads"):
        fit(Data(sample.train, mute), recipe, tmp_path / "run", tmp_path / "cache")


def test_processes_share_a_batch_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared_batch(15, 100) == 15
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (shared_batch(15, 100), shared_batch(32, 7)) == (14, 6)
    with pytest.raises(UsageError, match="--batch"):
        shared_batch(1, 100)


def test_a_log_file_gets_plain_lines_only(sample: Data, recipe: Recipe, tmp_path: Path, capfd) -> None:
    fit(sample, recipe, tmp_path / "run", tmp_path / "cache")
    said = capfd.readouterr()
    assert [line[:9] for line in said.err.splitlines()] == ["epoch   1", "epoch   2"]
    assert said.out == ""


def test_resuming_with_other_data_is_refused(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    once = replace(speech_recipe, epochs=1)
    first = fit(sample, once, tmp_path / "run", tmp_path / "cache")
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert fit(sample, once, tmp_path / "run", tmp_path / "cache", resume=True) == first  # the same data
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp, "it had finished"
    relabelled = (replace(sample.train[0], label="sad" if sample.train[0].label != "sad" else "angry"),)
    renamed = (replace(sample.train[0], speaker="somebody"),)  # whose voice is another
    for other in (
        sample.train[1:],
        relabelled + sample.train[1:],
        renamed + sample.train[1:],
        sample.train[::-1],  # what is drawn goes by the place
    ):
        with pytest.raises(DataError, match="other data"):
            fit(Data(other, sample.validation), once, tmp_path / "run", tmp_path / "cache", resume=True)


def test_a_run_is_not_lost_by_mistake(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    once = replace(speech_recipe, epochs=1)
    folder = fit(sample, once, tmp_path / "run", tmp_path / "cache")
    before = weights(folder)
    (tmp_path / "run" / "test.json").write_text("{}")
    with pytest.raises(UsageError, match="--overwrite"):
        fit(sample, replace(once, seed=1), tmp_path / "run", tmp_path / "cache")
    assert same(weights(folder), before)
    fit(sample, replace(once, seed=1), tmp_path / "run", tmp_path / "cache", overwrite=True)
    assert not same(weights(folder), before)
    assert not (tmp_path / "run" / "test.json").exists()


def pressing_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C in the step with this number."""

    class Pressing(StopOnCtrlC):
        def on_step_end(self, args, state, control, **more):
            if state.global_step == number:
                signal.raise_signal(signal.SIGINT)
            return super().on_step_end(args, state, control, **more)

    monkeypatch.setattr(run, "StopOnCtrlC", Pressing)


def test_ctrl_c_in_an_epoch_and_resumed_as_if_it_had_not_been(
    sample: Data, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = replace(recipe, epochs=4)
    whole = fit(sample, longer, tmp_path / "whole", tmp_path / "cache")
    steps = len(sample.train) // recipe.batch
    assert steps > 1
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        pressing_at(steps + 1, patch)
        fit(sample, longer, tmp_path / "broken", tmp_path / "cache")
    assert "the best model so far is in" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "broken" / "steps").glob("checkpoint-*")] == [f"checkpoint-{steps}"]
    resumed = fit(sample, longer, tmp_path / "broken", tmp_path / "cache", resume=True)
    assert same(weights(resumed), weights(whole))


def test_ctrl_c_in_the_first_epoch_leaves_no_checkpoint(
    sample: Data, speech_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        pressing_at(1, patch)
        fit(sample, speech_recipe, tmp_path / "run", tmp_path / "cache")
    assert "no checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert fit(sample, speech_recipe, tmp_path / "run", tmp_path / "cache", resume=True).is_dir()


def test_patience_outlasts_an_interruption(
    sample: Data, speech_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a learning rate of next to nothing no epoch is better than the first.
    patient = replace(speech_recipe, epochs=9, patience=2, learning_rate=1e-12)

    def epochs(name: str) -> int:
        history = json.loads((tmp_path / name / "history.json").read_text())
        return sum("eval_wa" in row for row in history)

    fit(sample, patient, tmp_path / "whole", tmp_path / "cache")
    steps = len(sample.train) // patient.batch
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        pressing_at(2 * steps + 1, patch)
        fit(sample, patient, tmp_path / "broken", tmp_path / "cache")
    fit(sample, patient, tmp_path / "broken", tmp_path / "cache", resume=True)
    assert epochs("whole") == epochs("broken") < 9


@pytest.mark.parametrize(("best_by", "kept"), [("wa", 1), ("last", 3)])
def test_which_epoch_is_kept(
    sample: Data, speech_recipe: Recipe, tmp_path: Path, best_by: Literal["wa", "last"], kept: int
) -> None:
    # With a learning rate of next to nothing no epoch is better than the first.
    recipe = replace(speech_recipe, epochs=3, best_by=best_by, learning_rate=1e-12)

    folder = fit(sample, recipe, tmp_path / "run", tmp_path / "cache")

    state = json.loads(max((tmp_path / "run" / "steps").glob("*/trainer_state.json")).read_text())
    assert state["best_global_step"] == kept * (len(sample.train) // recipe.batch)
    assert ("of 3 epochs\nthe last was kept" in (folder / "README.md").read_text()) == (best_by == "last")


def test_a_model_that_is_frozen_altogether_is_refused(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"All of the model is frozen \(smodel, speech\)"):
        fit(sample, replace(speech_recipe, frozen=("smodel", "speech")), tmp_path / "run", tmp_path / "cache")


def test_a_preset_without_a_text_encoder_says_what_to_do(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    nameless = replace(recipe, model=replace(recipe.model, text=replace(recipe.model.text, encoder="")))
    with pytest.raises(UsageError, match="--text-encoder"):
        fit(sample, nameless, tmp_path / "run", tmp_path / "cache")


def test_batches_are_made_beside_a_model_on_a_gpu(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    model, tokenizer = run.build(recipe.model)
    prepared = run._prepare(sample, recipe, tmp_path / "cache", None)
    trainer = run._trainer(model, tokenizer, prepared, recipe, tmp_path / "run")
    trainer.model.to("meta")  # stands for a GPU: whatever still computes with the model's tensors has no values
    batch = trainer.data_collator([prepared.validation[position] for position in range(3)])
    assert batch["spectrograms"].device.type == "cpu" and batch["spectrograms"].abs().sum() > 0


def only(recipe: Recipe, *classifiers: str) -> Recipe:
    return replace(recipe, model=replace(recipe.model, classifiers=classifiers), epochs=1)


def test_a_run_starts_from_checkpoints_and_leaves_what_is_frozen(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    starts = [fit(sample, only(recipe, name), tmp_path / name, cache) for name in ("speech", "text")]
    frozen = replace(recipe, epochs=1, frozen=("smodel", "tmodel", "speech", "text"))
    after = weights(fit(sample, frozen, tmp_path / "both", cache, starts=starts))
    assert any(key.startswith("classifiers.bimodal.") for key in after)
    for before in map(weights, starts):
        for key, value in before.items():  # the batch norms' statistics among them
            assert torch.equal(after[key], value), key


@pytest.mark.parametrize(("classifiers", "stated"), [(("speech", "text"), True), (("speech",), False)])
def test_the_checkpoint_states_a_joining_where_there_is_something_to_join(
    sample: Data, recipe: Recipe, tmp_path: Path, classifiers: tuple[str, ...], stated: bool
) -> None:
    joining = Joining(text_neutral=0.3, voice_neutral=0.5)
    folder = fit(sample, replace(only(recipe, *classifiers), joining=joining), tmp_path / "run", tmp_path / "cache")
    assert checkpoint.read_config(folder)[1].joining == (joining if stated else None)
    assert ("text_neutral 0.3, voice_neutral 0.5" in (folder / "README.md").read_text()) == stated


def test_another_start_is_another_run(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    start = fit(sample, only(recipe, "speech"), tmp_path / "start", tmp_path / "cache")
    fit(sample, only(recipe, "speech"), tmp_path / "run", tmp_path / "cache")
    with pytest.raises(DataError, match="other data"):
        fit(sample, only(recipe, "speech"), tmp_path / "run", tmp_path / "cache", starts=[start], resume=True)


def test_nothing_to_start_from_is_refused(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    start = fit(sample, only(recipe, "speech"), tmp_path / "speech", tmp_path / "cache")
    with pytest.raises(DataError, match="nothing that this model could start from"):
        fit(sample, only(recipe, "text"), tmp_path / "text", tmp_path / "cache", starts=[start])
