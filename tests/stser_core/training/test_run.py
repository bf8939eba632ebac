"""A run: the same seed, the same weights; killed and resumed as if nothing had happened; calibrated; extended."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from making import looped
from msgspec import structs
from safetensors.torch import load_file, save_file

from stser_core import checkpoint, encoders
from stser_core.audio import load_mono
from stser_core.errors import CheckpointError, DataError, OutputError, UsageError
from stser_core.files import locked
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput
from stser_core.training.augmentation import Augmentation
from stser_core.training.cli import main
from stser_core.training.further import add_classifier, parse_encoder
from stser_core.training.pairs import PairMixture
from stser_core.training.presets import DEFAULT
from stser_core.training.recipe import RunFolder, only
from stser_core.training.run import RunData, fit

pytestmark = pytest.mark.slow

SPEECH_ALONE = only(DEFAULT, ["speech"])
OCCURRING = {"speech", "text", "bimodal", "bimodal+speech+text"}


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def without(data, lacking):
    """The data as other clips, which lack this."""
    parts = (data.train, data.validation)
    return RunData(*(tuple(replace(one, id=f"{one.id}{lacking}", **{lacking: None}) for one in part) for part in parts))


@pytest.fixture
def options(iemocap, front_end, cache, tmp_path):
    """Make the arguments of a run."""

    def make(recipe, out):
        path = tmp_path / "given.json"
        path.write_bytes(recipe.to_json())
        given = ["--data", iemocap, "--recipe", path, "--cache", cache, "--front-end", front_end]
        return ["fit", "--corpus", "iemocap", *map(str, given), "--out", str(tmp_path / out)]

    return make


def started(options, folder):
    """A run in a process of its own that has finished its first epoch."""
    command = [sys.executable, "-c", "import sys; from stser_core.training.cli import main; sys.exit(main())", *options]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (folder / "state" / "last.safetensors").exists():
        assert running.poll() is None, "it ended before it could be stopped"
        time.sleep(0.01)
    return running


def test_one_seed_gives_one_result_with_the_temperatures_that_occur(sample, recipe, cache, tmp_path):
    lively = structs.replace(recipe, augmentation=Augmentation(lines=0.5, line_versions=1, crop=0.3, frame_noise=0.1))
    first, second = (fit(sample, lively, tmp_path / name, cache) for name in ("a", "b"))
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(fit(sample, looped(lively, seed=1), tmp_path / "c", cache)))
    assert set(checkpoint.read_config(first).ensemble.temperatures) == OCCURRING
    assert not (tmp_path / "a" / "checkpoint.uncalibrated").exists()


def test_the_tones_of_the_tree_are_learnt_and_the_answers_calibrated(folds, frames_recipe, front_end, cache, tmp_path):
    """Each emotion has a pitch of its own in this tree: unseen speakers are recognised."""
    fold = folds[0]
    plain = looped(structs.replace(frames_recipe, augmentation=Augmentation()), epochs=25, learning_rate=5e-3)
    folder = fit(RunData.of(fold), plain, tmp_path, cache, front_end=front_end)
    model = checkpoint.load_model(folder)
    assert model.neutral_mean.abs().sum() > 0 and (model.frame_scale > 0).all()
    scored = EmotionRecognizer.load(folder, prior=None).score([SpeechInput(load_mono(clip.path)) for clip in fold.test])
    assert np.mean([one.emotion == clip.label for one, clip in zip(scored, fold.test, strict=True)]) > 0.5
    assert all(one.calibrated for one in scored)
    assert "calibration error" in (folder / "README.md").read_text()
    history = json.loads((tmp_path / "history.json").read_text())
    assert len(history) == 25 and history[-1]["loss"] < history[0]["loss"]


def test_only_what_has_data_is_trained(sample, recipe, cache, tmp_path):
    speech = fit(without(sample, "text"), recipe, tmp_path / "speech", cache)
    assert tuple(checkpoint.read_config(speech).classifiers) == ("speech",)
    assert not (speech / "tokenizer.json").exists()
    text = fit(without(sample, "path"), recipe, tmp_path / "text", cache)
    assert tuple(checkpoint.read_config(text).classifiers) == ("text",)
    with pytest.raises(DataError, match="Nothing can be trained: the training clips have neither"):
        fit(without(without(sample, "path"), "text"), recipe, tmp_path / "none", cache)


def test_a_bimodal_classifier_over_frozen_encoders(sample, frames_recipe, default_like, front_end, cache, tmp_path):
    sounds, texts = without(sample, "text"), without(sample, "path")
    apart = RunData(sounds.train + texts.train, sounds.validation + texts.validation)
    speech = fit(sounds, frames_recipe, tmp_path / "speech", cache, front_end=front_end)
    with pytest.raises(CheckpointError, match="does not fit"):  # the shipped checkpoint's is larger
        fit(sounds, frames_recipe, tmp_path / "other", cache, front_end="default")
    with pytest.raises(DataError, match="of another shape"):
        fit(sounds, frames_recipe, tmp_path / "other", cache, starts=["default"])
    text = fit(texts, structs.replace(frames_recipe, model=only(default_like, ["text"])), tmp_path / "text", cache)
    frozen = ("smodel", "tmodel", "speech", "text")
    both = structs.replace(frames_recipe, model=default_like, frozen=frozen, pairs=PairMixture())
    folder = fit(apart, both, tmp_path / "both", cache, starts=[speech, text])
    made, parts = weights(folder), {**weights(speech), **weights(text)}
    kept = [name for name in parts if not name.startswith("classifiers.bimodal")]
    assert kept and all(torch.equal(made[name], parts[name]) for name in kept)
    assert set(checkpoint.read_config(folder).ensemble.temperatures) == OCCURRING
    assert (folder / "front_end.safetensors").read_bytes() == (speech / "front_end.safetensors").read_bytes()


def test_a_run_that_was_killed_goes_on_as_if_it_had_not(frames_recipe, tmp_path, options):
    recipe = looped(frames_recipe, epochs=6)
    assert main(options(recipe, "whole")) == 0
    running = started(options(recipe, "killed"), tmp_path / "killed")
    running.kill()
    running.communicate()
    assert not (tmp_path / "killed" / "checkpoint").exists()
    assert main([*options(recipe, "killed"), "--resume"]) == 0
    assert same(*(weights(tmp_path / name / "checkpoint") for name in ("whole", "killed")))


def test_another_front_end_is_another_run(sample, frames_recipe, front_end, cache, tmp_path):
    recipe = looped(structs.replace(frames_recipe, model=only(frames_recipe.model, ["speech"])), epochs=1)
    fit(sample, recipe, tmp_path / "run", cache, front_end=front_end)
    other = tmp_path / "front_end.safetensors"
    save_file(
        {name: one.neg() if one.dtype == torch.int8 else one for name, one in load_file(front_end).items()}, other
    )
    with pytest.raises(DataError, match="other data"):
        fit(sample, recipe, tmp_path / "run", cache, front_end=other, resume=True)
    fit(sample, recipe, tmp_path / "run", cache, front_end=front_end, resume=True)


def test_a_second_process_in_the_folder_is_refused(sample, speech_recipe, cache, tmp_path):
    with locked(tmp_path, RunFolder(tmp_path).lock), pytest.raises(OutputError):
        fit(sample, speech_recipe, tmp_path, cache)
    assert not RunFolder(tmp_path).state.exists()
    fit(sample, speech_recipe, tmp_path, cache)


def test_ctrl_c_keeps_the_best_so_far(frames_recipe, tmp_path, options):
    running = started(options(looped(frames_recipe, epochs=5_000), "run"), tmp_path / "run")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "the best model so far is in" in said and "Traceback" not in said
    assert checkpoint.read_config(tmp_path / "run" / "checkpoint").ensemble.temperatures


def test_a_folder_with_a_run_is_not_overwritten(sample, speech_recipe, cache, tmp_path):
    folder = fit(sample, speech_recipe, tmp_path, cache)
    before = weights(folder)
    fewer, lacking = RunData(sample.train[1:], sample.validation), structs.replace(speech_recipe, model=SPEECH_ALONE)
    for data, recipe, again, error, said in (
        (sample, speech_recipe, {}, UsageError, "holds a run"),
        (sample, looped(speech_recipe, epochs=3), {"resume": True}, DataError, "another recipe"),
        (fewer, speech_recipe, {"resume": True}, DataError, "other data"),
        (sample, lacking, {"overwrite": True}, UsageError, "give --front-end"),
    ):
        with pytest.raises(error, match=said):
            fit(data, recipe, tmp_path, cache, **again)
    assert same(weights(folder), before), "what cannot begin loses nothing"
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    fit(sample, speech_recipe, tmp_path, cache, resume=True)
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    fit(sample, looped(speech_recipe, seed=5), tmp_path, cache, overwrite=True)
    assert not same(weights(folder), before)


class Pitch:
    """The spectrum in a few bands: what tells this tree's emotions apart."""

    def __init__(self, name, settings, weights):
        self.name, self.vector_size = name, int(settings.get("bands", 16))

    def encode(self, inputs):
        return [self._vector(one.samples) if len(one.samples) else None for one in inputs]

    def _vector(self, samples):
        spectrum = np.abs(np.fft.rfft(samples, 16_000))[: 50 * self.vector_size].reshape(self.vector_size, 50).sum(1)
        return torch.from_numpy(np.log(spectrum / spectrum.sum() + 1e-3)).float()

    def to(self, accelerator):
        pass


def test_it_is_trained_calibrated_and_answers_beside_the_others(
    folds, frames_recipe, front_end, cache, tmp_path, monkeypatch
):
    point, fold = EntryPoint("pitch", "test_run:Pitch", encoders.GROUP), folds[0]
    monkeypatch.setattr(EntryPoint, "load", lambda self: Pitch)  # as an installed package would register it
    monkeypatch.setattr(encoders, "entry_points", lambda **_: (point,))
    base = fit(RunData.of(fold), frames_recipe, tmp_path / "base", cache, front_end=front_end)
    recipe = looped(frames_recipe, epochs=30, learning_rate=3e-3)
    wanted = parse_encoder("pitch=pitch:bands=20")
    folder = tmp_path / "more"
    add_classifier(fold, *wanted, recipe, str(base), folder, cache)
    config = checkpoint.read_config(folder)
    assert config.encoders["pitch"].vector_size == 20 and config.classifiers["pitch"].inputs == ("pitch",)
    assert {"speech", "pitch", "pitch+speech"} <= set(config.ensemble.temperatures)
    recognizer = EmotionRecognizer.load(folder, prior=None)
    scored = recognizer.score([SpeechInput(load_mono(clip.path)) for clip in fold.test])
    right = [one.emotion_of("pitch") == clip.label for one, clip in zip(scored, fold.test, strict=True)]
    assert np.mean(right) > 0.6 and all(one.calibrated for one in scored)
    before, after = (checkpoint.load_model(one).smodel.state_dict() for one in (base, folder))
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    with pytest.raises(UsageError, match="has a classifier 'pitch' already"):
        add_classifier(fold, *wanted, recipe, str(folder), tmp_path / "again", cache)


def test_vectors_are_kept_until_the_encoder_changes(sample, folds, speech_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(EntryPoint, "load", lambda self: Pitch)
    monkeypatch.setattr(encoders, "entry_points", lambda **_: (EntryPoint("pitch", "", encoders.GROUP),))
    base, cache = fit(sample, speech_recipe, tmp_path / "base", tmp_path / "cache"), tmp_path / "cache"

    def add(given=cache):
        """The new classifier's weights, and how many vectors were kept."""
        folder = tmp_path / "more"
        add_classifier(folds[0], *parse_encoder("pitch=pitch:loud=1"), speech_recipe, str(base), folder, given)
        return weights(folder), len(list(given.glob("vectors-*/??/*.npy")))

    before, kept = add()
    vector = Pitch._vector
    monkeypatch.setattr(Pitch, "_vector", lambda self, samples: vector(self, samples) * (1 + 1e-6))  # as on a GPU
    again = add()
    assert same(before, again[0]) and again[1] == kept

    monkeypatch.setattr(Pitch, "_vector", lambda self, samples: -vector(self, samples))
    changed, more = add()
    assert same(changed, add(tmp_path / "fresh")[0]) and not same(changed, before)
    assert more == 2 * kept

    def wider(self, name, settings, weights):
        self.name, self.vector_size = name, 17

    monkeypatch.setattr(Pitch, "__init__", wider)
    assert add()[1] == 3 * kept
