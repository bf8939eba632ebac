"""A checkpoint folder comes back as it was saved; what is broken in it is said in one sentence."""

import json
import os
import shutil
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from stser_core import checkpoint
from stser_core.errors import CheckpointError, OutputError
from stser_core.torch_network import TorchNetwork
from stser_core.training.saving import fingerprint, quantise, save
from stser_core.weights import dequantise


@pytest.fixture
def saved(tmp_path, config, build, tokenizer):
    save(tmp_path / "mine", build(config), tokenizer, "# A card\n")
    return tmp_path / "mine"


@pytest.fixture
def front(tmp_path, front_config, build, tokenizer):
    save(tmp_path / "front", build(front_config), tokenizer, "# A card\n")
    return tmp_path / "front"


def logits(model, tokenizer):
    sounds = [torch.sin(torch.arange(n) / 7).numpy() for n in (8_000, 5_000)]
    network, encoded = TorchNetwork(model, "cpu"), tokenizer(["hello", "i am so angry"])
    speech, _ = network.encode_speech(network.encode_frames(sounds), network.neutral_mean, salience=False)
    return network.classify({"speech": speech, "text": network.encode_text(encoded.pieces, encoded.mask)})


def test_a_round_trip_gives_the_same_scores(saved, config, build, tokenizer):
    loaded, model = checkpoint.load(saved), checkpoint.load_model(saved)

    before, after = logits(build(config), tokenizer), logits(model, loaded.tokenizer)
    assert loaded.name == "mine" and loaded.config == model.config == config
    assert not model.training
    described = json.loads((saved / "config.json").read_text())
    assert (described["version"], described["labels"]) == (2, ["angry", "happy", "neutral", "sad"])
    assert before.keys() == after.keys()
    assert np.array_equal(before["speech"], after["speech"])
    for name in before:  # the text encoder is kept in half precision
        np.testing.assert_allclose(after[name], before[name], atol=2e-3, rtol=0)


def test_a_front_end_is_kept_in_int8_beside_its_licence(front, front_config, build, tokenizer):
    model = build(front_config)
    loaded = checkpoint.load_model(front)

    rounded = dequantise(quantise(model.front_end.state_dict()))
    assert all(torch.equal(one, rounded[name]) for name, one in loaded.front_end.state_dict().items())
    assert torch.equal(loaded.neutral_mean, model.neutral_mean)
    assert loaded.config == front_config
    assert "Copyright (c) 2022 OpenAI" in (front / "LICENSE-whisper.txt").read_text()
    stored = safetensors.torch.load_file(front / "front_end.safetensors")
    assert stored["layers.0.qkv.weight"].dtype == torch.int8
    assert not any(name.startswith("front_end") for name in safetensors.torch.load_file(front / "model.safetensors"))
    plain = {"README.md", "config.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in front.iterdir()} == plain | {"LICENSE-whisper.txt", "front_end.safetensors"}
    # what was loaded is written again as it is
    save(front.with_name("again"), loaded, tokenizer, "# A card\n")
    assert fingerprint(front.with_name("again")) == fingerprint(front)


def edit(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def spoil_tensor(folder: Path, *, drop: bool) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    weights["classifiers.speech.0.weight"][3, 3] = float("nan")
    if drop:
        weights.pop("classifiers.speech.0.weight")
    safetensors.torch.save_file(weights, folder / "model.safetensors")


DAMAGES = {
    "version 0.1": (
        lambda f: (f / "config.json").write_text('{"features": {}, "classifiers": ["speech"], "members": []}'),
        r"version 0\.1",
    ),
    "a later version": (lambda f: edit(f, version=3), "format version 3; this program reads version 2"),
    "no config": (lambda f: (f / "config.json").unlink(), r"its config\.json cannot be read"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "does not describe"),
    "a key that is not UTF-8": (lambda f: (f / "config.json").write_bytes(b'{"\xe4": 1}'), "does not describe"),
    "an unknown setting": (lambda f: edit(f, droput=0.1), "unknown field `droput`"),
    "a part without encoder": (lambda f: edit(f, tmodel=None), "reads the encoder 'text'"),
    "an impossible ALBERT": (lambda f: edit(f, tmodel={"albert": {"embedding_size": 1 << 60}}), "cannot be built"),
    "other sizes": (lambda f: edit(f, smodel={"blocks": [{"channels": 7}], "lstm_units": 8}), "does not fit its"),
    "fewer classifiers": (lambda f: edit(f, classifiers={"speech": {"inputs": ["speech"]}}, ensemble={}), "16 unknown"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "cannot be read as weights"),
    "truncated weights": (lambda f: os.truncate(f / "model.safetensors", 9_000), "cannot be read as weights"),
    "a missing tensor": (lambda f: spoil_tensor(f, drop=True), r"1 tensors are missing.*speech\.0\.weight"),
    "a weight that is NaN": (lambda f: spoil_tensor(f, drop=False), r"NaN or infinite, in .*speech\.0\.weight"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), r"tokenizer\.json cannot be read as a tokenizer"),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_broken_is_said_in_one_sentence(saved, damage, complaint):
    damage(saved)

    with pytest.raises(CheckpointError, match=complaint) as raised:
        checkpoint.load(saved)
        checkpoint.load_model(saved)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


@pytest.mark.parametrize("lost", ["conv1.weight.scale", "conv1.weight", "everything"])
def test_a_broken_front_end_is_named(front, lost):
    path = front / "front_end.safetensors"
    tensors = safetensors.torch.load_file(path)
    path.unlink()
    if tensors.pop(lost, None) is not None:
        safetensors.torch.save_file(tensors, path)

    with pytest.raises(CheckpointError, match=r"front_end\.safetensors"):
        checkpoint.load_model(front)


class FullDisk:
    """A tokenizer whose saving fails half-way."""

    def save(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text("{")
        raise OSError(28, "No space left on device")


def test_a_failed_save_leaves_the_old_checkpoint_whole(saved, config, build, tokenizer):
    with pytest.raises(OutputError, match="No space left on device"):
        save(saved, build(config, seed=1), FullDisk(), "# New\n")

    def assert_holds(seed):
        wanted, found = build(config, seed=seed), checkpoint.load_model(saved)
        assert np.array_equal(logits(found, tokenizer)["speech"], logits(wanted, tokenizer)["speech"])

    assert_holds(seed=0)
    assert (saved / "README.md").read_text() == "# A card\n"
    save(saved, build(config, seed=1), tokenizer, "# New\n")  # which replaces it and leaves nothing behind
    assert_holds(seed=1)
    assert [path.name for path in saved.parent.iterdir()] == ["mine"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, config, build, tokenizer):
    (tmp_path / "thesis.txt").write_text("three years of work")

    with pytest.raises(OutputError, match="holds something that is not a checkpoint"):
        save(tmp_path, build(config), tokenizer, "")
    with pytest.raises(OutputError, match=r"Cannot write .*mine"):
        save(tmp_path / "thesis.txt" / "mine", build(config), tokenizer, "")
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


@pytest.fixture
def shipped(tmp_path, monkeypatch, config, build, tokenizer):
    """A program that ships with two checkpoints."""
    for name in ("default", "speech-only"):
        save(tmp_path / "ships" / name, build(config), tokenizer, "")
    (tmp_path / "ships" / "no-checkpoint").mkdir()
    monkeypatch.setattr(checkpoint, "_shipped", lambda: tmp_path / "ships")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ships"


def test_a_name_a_folder_and_the_default(shipped):
    assert checkpoint.available() == [shipped / "default", shipped / "speech-only"]
    assert checkpoint.resolve("speech-only") == shipped / "speech-only"
    assert checkpoint.resolve(shipped / "default") == shipped / "default"
    assert checkpoint.resolve("ships/default").resolve() == shipped / "default"
    assert checkpoint.load().name == "default"
    nearby = shipped.parent / "default"
    nearby.mkdir()
    assert checkpoint.resolve("default") == shipped / "default", "a folder nearby does not hide what ships"
    assert checkpoint.resolve("./default").resolve() == nearby


@pytest.mark.parametrize(
    "name",
    [*("nonsense", "./nonsense", "no-checkpoint", "/nowhere/at/all", "~/no such folder", "a/b/c"), "someone/something"],
)
def test_a_name_that_is_nothing(shipped, name):
    said = "could not be downloaded" if name == "someone/something" else r"was not found.*\(default, speech-only\)"
    with pytest.raises(CheckpointError, match=said) as raised:
        checkpoint.resolve(name)
    assert name in str(raised.value) and "\n" not in str(raised.value)


def test_a_hub_id_is_downloaded_without_what_is_not_a_checkpoints(tmp_path, monkeypatch, saved, config):
    """The download itself is huggingface_hub's."""
    (saved / "onnx").mkdir()
    for extra in ("training.pickle", "pytorch_model.bin", "onnx/graphs.json"):
        (saved / extra).write_text("")

    def snapshot_download(hub_id, *, allow_patterns):
        for path in saved.rglob("*"):
            name = path.relative_to(saved)
            if path.is_file() and any(fnmatch(str(name), pattern) for pattern in allow_patterns):
                (tmp_path / hub_id / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, tmp_path / hub_id / name)
        return str(tmp_path / hub_id)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert checkpoint.load("someone/emotions").config == config
    plain = ["README.md", "config.json", "model.safetensors", "onnx", "tokenizer.json"]
    assert sorted(path.name for path in (tmp_path / "someone" / "emotions").iterdir()) == plain
