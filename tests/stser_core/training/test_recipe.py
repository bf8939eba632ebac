"""Recipes: what is written is read again, and what does not fit is refused in one sentence."""

from pathlib import Path

import pytest

from stser_core.errors import DataError
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig
from stser_core.training.presets import DEFAULT
from stser_core.training.recipe import Recipe


def read(content: str | bytes, folder: Path) -> Recipe:
    path = folder / "recipe.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Recipe.read(path)


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    recipe = Recipe(
        model=DEFAULT,
        loop=LoopConfig(epochs=3, text_learning_rate=1e-5),
        augmentation=Augmentation(lines=0.5, crop_s=(0.4, 2.0)),
    )
    assert read(recipe.to_json(), tmp_path) == recipe
    assert read('{"loop": {"epochs": 3}}', tmp_path) == Recipe(loop=LoopConfig(epochs=3))


@pytest.mark.parametrize("path", sorted(Path("scripts/recipes").glob("*.json")), ids=lambda path: path.stem)
def test_the_recipes_of_the_default_checkpoint_are_recipes(path: Path) -> None:
    assert Recipe.read(path).loop.optimizer == "adamw"


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
        read(content, tmp_path)
    assert "recipe.json" in str(raised.value)
