"""A checkpoint folder comes back as it was saved; what is broken in it is said in one sentence."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from stser_core import checkpoint
from stser_core.ensemble import Joining
from stser_core.errors import CheckpointError, OutputError
from stser_core.features import pad
from stser_core.stser import SpeechBatch, TextBatch


@pytest.fixture
def saved(tmp_path, settings, build, tokenizer):
    folder = tmp_path / "mine"
    checkpoint.save(folder, build(settings), tokenizer, "# A card\n")
    return folder


def logits(model, tokenizer):
    sound = SpeechBatch(*pad([torch.sin(torch.arange(n) / 7).numpy() for n in (8_000, 5_000)]))
    encoded = tokenizer(["hello", "i am so angry"])
    with torch.inference_mode():
        return model(sound, TextBatch(encoded.pieces, encoded.mask)).logits


def test_a_round_trip_gives_the_same_scores(saved, settings, build, tokenizer):
    loaded = checkpoint.load(saved)

    before, after = logits(build(settings), tokenizer), logits(loaded.model, loaded.tokenizer)
    assert loaded.name == "mine"
    assert loaded.model.settings == settings
    assert not loaded.model.training
    assert before.keys() == after.keys()
    assert torch.equal(before["speech"], after["speech"])
    for name in before:  # the text encoder is kept in half precision
        torch.testing.assert_close(after[name], before[name], atol=2e-3, rtol=0)


def test_what_counts_more_in_the_ensemble_is_stated(tmp_path, settings, build, tokenizer):
    folder = tmp_path / "weighted"

    checkpoint.save(folder, build(settings), tokenizer, "# A card\n", weights={"bimodal": 8.0})

    assert json.loads((folder / "config.json").read_text())["weights"] == {"bimodal": 8.0}
    assert checkpoint.load(folder).roster.weights == {"bimodal": 8.0}
    with pytest.raises(CheckpointError, match="weighs 'whisper', which it has not"):
        checkpoint.save(folder, build(settings), tokenizer, "", weights={"whisper": 1.0})


def test_how_voice_and_words_go_together_is_stated(tmp_path, settings, build, tokenizer):
    joining = Joining(text_neutral=0.3, voice_neutral=0.5)
    folder, plain = tmp_path / "joined", tmp_path / "plain"

    checkpoint.save(folder, build(settings), tokenizer, "# A card\n", joining=joining)
    checkpoint.save(plain, build(settings), tokenizer, "# A card\n")

    assert json.loads((folder / "config.json").read_text())["joining"] == {"text_neutral": 0.3, "voice_neutral": 0.5}
    assert checkpoint.load(folder).roster.joining == joining
    assert "joining" not in json.loads((plain / "config.json").read_text())


def test_the_folder_holds_what_the_architecture_says(saved):
    assert sorted(path.name for path in saved.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    config = json.loads((saved / "config.json").read_text())
    assert config["labels"] == ["angry", "happy", "neutral", "sad"]
    assert config["classifiers"] == ["speech", "text", "bimodal"]
    assert (saved / "README.md").read_text() == "# A card\n"


def test_a_checkpoint_without_text_needs_no_tokenizer(tmp_path, settings, build):
    speech = replace(settings, classifiers=("speech",), text=None)
    checkpoint.save(tmp_path / "speech", build(speech), None, "")

    loaded = checkpoint.load(tmp_path / "speech")

    assert loaded.tokenizer is None
    assert loaded.model.settings.classifiers == ("speech",)


def edit(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def drop_tensor(folder: Path) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    weights.pop("classifiers.speech.0.weight")
    safetensors.torch.save_file(weights, folder / "model.safetensors")


def spoil_tensor(folder: Path) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    weights["classifiers.speech.0.weight"][3, 3] = float("nan")
    safetensors.torch.save_file(weights, folder / "model.safetensors")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES = {
    "no config": (lambda f: (f / "config.json").unlink(), r"its config\.json cannot be read"),
    "config is no JSON": (lambda f: (f / "config.json").write_text("{"), "does not describe an STSER model"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "does not describe an STSER model"),
    "config is binary": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"), "does not describe an STSER model"),
    "config with a key that is no UTF-8": (
        lambda f: (f / "config.json").write_bytes(b'{"\xe4": 1}'),
        "does not describe an STSER model",
    ),
    "a wrong type": (lambda f: edit(f, dropout="much"), "does not describe an STSER model"),
    "an unknown setting": (lambda f: edit(f, droput=0.1), "there is no setting droput"),
    "another label order": (
        lambda f: edit(f, labels=["neutral", "happy", "angry", "sad"]),
        "neutral, happy, angry, sad",
    ),
    "another label set": (lambda f: edit(f, labels=["angry", "calm"]), "this program's are angry, happy, neutral, sad"),
    "an unknown classifier": (lambda f: edit(f, classifiers=["speech", "face"]), "no classifier 'face'"),
    "no classifier": (lambda f: edit(f, classifiers=[]), "has no classifier"),
    "a classifier without encoder": (lambda f: edit(f, text=None), "text classifier lacks its encoder"),
    "heads that do not divide": (
        lambda f: edit(f, speech={"blocks": [{"channels": 6}], "lstm_units": 8, "heads": 5}),
        "5 attention heads do not divide",
    ),
    "no width": (
        lambda f: edit(f, speech={"blocks": [{"channels": 6}], "lstm_units": 0}),
        "lstm_units must be 1 or more; it is 0",
    ),
    "an empty ALBERT": (lambda f: edit(f, text={"albert": {}}), "describes no model that can be built"),
    "a negative ALBERT": (
        lambda f: edit(f, text={"albert": {"hidden_size": -1}}),
        "describes no model that can be built",
    ),
    "other sizes": (
        lambda f: edit(f, speech={"blocks": [{"channels": 7}], "lstm_units": 8}),
        "does not fit its config",
    ),
    "fewer classifiers than weights": (lambda f: edit(f, classifiers=["speech"]), "unknown"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "cannot be read as model weights"),
    "truncated weights": (lambda f: truncate(f / "model.safetensors"), "cannot be read as model weights"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "cannot be read as model weights"),
    "a missing tensor": (drop_tensor, r"1 tensors are missing.*classifiers\.speech\.0\.weight"),
    "a weight that is no number": (spoil_tensor, r"no numbers, in classifiers\.speech\.0\.weight"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), r"tokenizer\.json cannot be read as a tokenizer"),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_broken_is_said_in_one_sentence(saved, damage, complaint):
    damage(saved)

    with pytest.raises(CheckpointError, match=complaint) as raised:
        checkpoint.load(saved)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


class Trap:
    """A pickle that, when read, would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_that_poses_as_weights_is_not_opened(saved, tmp_path):
    (saved / "model.safetensors").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))

    with pytest.raises(CheckpointError, match="cannot be read as model weights"):
        checkpoint.load(saved)
    assert not (tmp_path / "sprung").exists()


class FullDisk:
    """A tokenizer whose saving fails half-way."""

    def save(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text("{")
        raise OSError(28, "No space left on device")


def test_a_failed_save_leaves_the_old_checkpoint_whole(saved, settings, build, tokenizer):
    with pytest.raises(OutputError, match="No space left on device"):
        checkpoint.save(saved, build(settings, seed=1), FullDisk(), "# New\n")

    loaded = checkpoint.load(saved)
    assert torch.equal(logits(loaded.model, tokenizer)["speech"], logits(build(settings), tokenizer)["speech"])
    assert (saved / "README.md").read_text() == "# A card\n"


def test_a_new_checkpoint_replaces_the_old_one_and_leaves_nothing_behind(saved, settings, build, tokenizer):
    checkpoint.save(saved, build(settings, seed=1), tokenizer, "# New\n")

    loaded = checkpoint.load(saved)
    assert torch.equal(logits(loaded.model, tokenizer)["speech"], logits(build(settings, seed=1), tokenizer)["speech"])
    assert [path.name for path in saved.parent.iterdir()] == ["mine"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, settings, build, tokenizer):
    (tmp_path / "thesis.txt").write_text("three years of work")

    with pytest.raises(OutputError, match="holds something that is no checkpoint"):
        checkpoint.save(tmp_path, build(settings), tokenizer, "")
    assert (tmp_path / "thesis.txt").exists()


def test_a_place_that_cannot_be_written(tmp_path, settings, build, tokenizer):
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match="cannot be written"):
        checkpoint.save(tmp_path / "file" / "mine", build(settings), tokenizer, "")


@pytest.fixture
def shipped(tmp_path, monkeypatch, settings, build, tokenizer):
    """A program that ships with two checkpoints."""
    for name in ("default", "speech-only"):
        checkpoint.save(tmp_path / "ships" / name, build(settings), tokenizer, "")
    (tmp_path / "ships" / "no-checkpoint").mkdir()
    monkeypatch.setattr(checkpoint, "_shipped", lambda: tmp_path / "ships")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ships"


def test_what_ships_is_listed(shipped):
    listed = checkpoint.available()

    assert [one.name for one in listed] == ["default", "speech-only"]
    assert listed[0].path == shipped / "default"
    assert listed[0].size == sum(path.stat().st_size for path in (shipped / "default").iterdir())


def test_a_name_a_folder_and_the_default(shipped):
    assert checkpoint.resolve("speech-only") == shipped / "speech-only"
    assert checkpoint.resolve(shipped / "default") == shipped / "default"
    assert checkpoint.resolve("ships/default").resolve() == shipped / "default"
    assert checkpoint.load().name == "default"


def test_a_folder_nearby_does_not_hide_what_ships(shipped):
    nearby = shipped.parent / "default"
    nearby.mkdir()

    assert checkpoint.resolve("default") == shipped / "default"
    assert checkpoint.resolve("./default").resolve() == nearby


@pytest.mark.parametrize(
    "name", ["nonsense", "./nonsense", "no-checkpoint", "/nowhere/at/all", "~/no such folder", "a/b/c"]
)
def test_a_name_that_is_nothing(shipped, name):
    with pytest.raises(CheckpointError, match=r"no checkpoint .*\(default, speech-only\)"):
        checkpoint.resolve(name)


def test_a_hub_id_without_the_network(shipped):
    with pytest.raises(
        CheckpointError, match="no folder someone/something, and the checkpoint cannot be had"
    ) as raised:
        checkpoint.resolve("someone/something")
    assert "\n" not in str(raised.value)


def test_finding_checkpoints_needs_no_torch():
    code = (
        "import sys; from stser_core import checkpoint; checkpoint.available(); "
        "print([name for name in ('torch', 'transformers', 'safetensors', 'huggingface_hub') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
