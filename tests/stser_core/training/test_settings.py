"""Recipes: what is written back is read again, and what makes no sense is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stser_core.errors import DataError, UsageError
from stser_core.presets import COMPACT
from stser_core.training.augmentation import Augmentation
from stser_core.training.members.settings import MemberRecipe
from stser_core.training.settings import Recipe


def read(content: str | bytes, folder: Path) -> Recipe:
    path = folder / "recipe.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Recipe.read(path)


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    recipe = Recipe(model=COMPACT, epochs=3, augmentation=Augmentation(speed=0.5), text_learning_rate=1e-5)
    assert read(recipe.to_json(), tmp_path) == recipe
    assert read('{"epochs": 3}', tmp_path) == Recipe(epochs=3)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"epohcs": 3}', "there is no setting epohcs"),
        ('{"augmentation": {"typo": 0.5}}', r"there is no setting augmentation\.typo"),
        ('{"augmentation": {"speed": 1.5}}', r"augmentation\.speed must be 0 or more, at most 1; it is 1\.5"),
        ('{"pairs": {"agreeing": -1}}', r"pairs\.agreeing must be 0 or more; it is -1"),
        ('{"epochs": 0}', "epochs must be 1 or more; it is 0"),
        ('{"batch": 0}', "batch must be 1 or more"),
        ('{"seed": -1}', "seed must be 0 or more"),
        ('{"learning_rate": 0}', "learning_rate must be above 0"),
        ('{"losses": {"face": 1}}', "losses: there is no classifier 'face'"),
        ('{"weights": {"whisper": 1}}', "weights: there is no classifier 'whisper'"),
        ('{"weights": {"text": 0}}', r"weights\.text must be above 0"),
        ('{"joining": {"text_neutral": 0.3}}', "voice_neutral"),
        ('{"joining": {"text_neutral": 0.3, "voice_neutral": -1}}', r"joining\.voice_neutral must be 0 or more"),
        ('{"teacher": "whisper-base", "augmentation": {"mixup": 0.5}}', "mixup: what a teacher says of a clip"),
        ('{"losses": {"text": -1}}', r"losses\.text must be above 0"),
        (
            '{"model": {"features": {"hop_ms": 0}, "classifiers": []}}',
            r"features\.hop_ms must be 1 or more",
        ),
        ('{"model": {"features": {"low_hz": 8000}, "classifiers": []}}', r"features\.high_hz must be above 8000"),
        ('{"model": {"features": {}, "classifiers": [], "dropout": 3}}', "dropout must be 0 or more, at most 1"),
        ('{"epochs": "many"}', "is no recipe"),
        ("{", "is no recipe"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        read(content, tmp_path)
    assert "recipe.json" in str(raised.value)
    assert str(raised.value).endswith(").")


def model(speech: str) -> str:
    return '{"model": {"features": {}, "classifiers": ["speech"], "speech": ' + speech + "}}"


@pytest.mark.parametrize(
    ("speech", "complaint"),
    [
        ('{"blocks": [{"channels": 8, "kernel": 4}]}', "kernel must be odd; it is 4"),
        ('{"blocks": [{"channels": 0}]}', "channels must be 1 or more"),
        ('{"blocks": [{"channels": 8, "pool": [2, 0]}]}', "pool must be 1 or more"),
        ('{"blocks": [{"channels": 8}], "heads": 5}', "5 attention heads do not divide"),
        ('{"blocks": [{"channels": 8}], "dropout": 1.5}', "dropout must be 0 or more, at most 1"),
        ('{"blocks": [{"chanels": 8}]}', "missing required field `channels`"),
        ('{"blocks": [{"channels": 8, "strides": [1, 1]}]}', r"there is no setting model\.speech\.blocks\.0\.strides"),
    ],
)
def test_a_model_that_cannot_be_is_refused(speech: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint):
        read(model(speech), tmp_path)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.json cannot be read \(No such file or directory\)"):
        Recipe.read(tmp_path / "nothing.json")


def test_the_last_epoch_leaves_nothing_to_wait_for() -> None:
    assert Recipe(best_by="last", patience=0).best_by == "last"
    with pytest.raises(UsageError, match="set patience to 0"):
        Recipe(best_by="last", patience=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(UsageError, match="learning_rate must be above 0"):
        replace(Recipe(), learning_rate=value)


def test_the_recipes_that_come_along_are_read() -> None:
    project = Path(__file__).parents[3]
    shipped = [*project.glob("checkpoints/*/recipe.json"), *project.glob("scripts/recipes/*.json")]
    assert shipped
    assert all(Recipe.read(path).epochs > 0 for path in shipped)
    members = list(project.glob("scripts/recipes/members/*.json"))
    assert members
    assert all(MemberRecipe.read(path).training.epochs > 0 for path in members)
