"""Recipes and text encoders: what is written is read again, and what does not fit is one sentence."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file, save_file

from stser_core.errors import CheckpointError, DataError
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig
from stser_core.training.presets import DEFAULT
from stser_core.training.recipe import Recipe
from stser_core.training.run import pretrained


def read(content: bytes, folder: Path) -> Recipe:
    (folder / "recipe.json").write_bytes(content)
    return Recipe.read(folder / "recipe.json")


def test_a_recipe_is_read_as_it_was_written_and_those_of_the_default_checkpoint_are_recipes(tmp_path: Path) -> None:
    augmentation, loop = Augmentation(lines=0.5, crop_s=(0.4, 2.0)), LoopConfig(epochs=3, text_learning_rate=1e-5)
    recipe = Recipe(model=DEFAULT, loop=loop, augmentation=augmentation)
    assert read(recipe.to_json(), tmp_path) == recipe
    assert read(b'{"loop": {"epochs": 3}}', tmp_path) == Recipe(loop=LoopConfig(epochs=3))
    for name in ("speech", "text", "bimodal"):
        assert Recipe.read(Path(f"scripts/recipes/{name}.json")).loop.optimizer == "adamw"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"epohcs": 3}', "epohcs"),
        ('{"augmentation": {"lines": 1.5}}', r"<= 1\.0 - at .*augmentation\.lines"),
        ('{"augmentation": {"crop_s": [2, 1]}}', r"augmentation\.crop_s"),
        ('{"pairs": {"agreeing": -1}}', r"pairs\.agreeing"),
        ('{"loop": {"text_learning_rate": 0}}', r"loop\.text_learning_rate"),
        ('{"loop": {"best_by": "last"}}', "set patience to 0"),
        ('{"routine": 1}', r"\$\.routine"),
        ('{"frozen": ["nose"]}', "no part 'nose'"),
        ("{", "is not a recipe"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        read(content.encode(), tmp_path)
    assert "recipe.json" in str(raised.value)


@pytest.fixture
def folder(text_encoder, tmp_path):
    """A text encoder in the Hub's format."""
    return shutil.copytree(text_encoder, tmp_path / "mine")


def renamed(folder, prefix="", without="."):
    """The weights as a model with a head has them."""
    path = folder / "model.safetensors"
    weights = {f"{prefix}{name}": one for name, one in load_file(path).items() if not name.startswith(without)}
    save_file(weights | {"head.bias": torch.zeros(3)}, path, {"format": "pt"})


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_its_shape_weights_and_word_pieces_are_taken(folder, config, tokenizer, pooling):
    stored = load_file(folder / "model.safetensors")
    renamed(folder, prefix="albert.")
    tmodel, pieces = pretrained(replace(config.tmodel, encoder=str(folder), pooling=pooling))
    assert (tmodel.config.encoder, tmodel.config.albert) == ("mine", config.tmodel.albert)
    assert (tmodel.albert.pooler is None) == (pooling == "mean")
    assert all(torch.equal(one, stored[name]) for name, one in tmodel.albert.state_dict().items())
    assert (pieces(["so what?"]).pieces == tokenizer(["so what?"]).pieces).all()


def described(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (described(model_type="bert"), "is not an ALBERT's; its model_type is 'bert'"),
        (described(hidden_act="swish"), "does not describe an ALBERT .*swish"),
        (described(hidden_size=24), "of another shape"),
        (lambda folder: (folder / "config.json").unlink(), "No such file"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read as weights"),
        (lambda folder: renamed(folder, without="pooler"), "2 tensors are missing"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be read as a tokenizer"),
        (shutil.rmtree, "could not be downloaded"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(folder, config, damage, complaint):
    damage(folder)
    with pytest.raises(CheckpointError, match=complaint) as raised:
        pretrained(replace(config.tmodel, encoder=str(folder), pooling="cls"))
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)
