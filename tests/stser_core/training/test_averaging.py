"""The average of checkpoints: the mean of their weights, and of nothing that did not begin alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stser_core import checkpoint
from stser_core.ensemble import Joining
from stser_core.errors import DataError
from stser_core.recognizer import Recognizer
from stser_core.scores import Spoken
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.training import cli
from stser_core.training.averaging import average
from stser_core.training.run import Data, fit
from stser_core.training.settings import Recipe

JOINING = Joining(text_neutral=0.3, voice_neutral=0.5)
_WIDE = SpeechSettings(blocks=(ConvSettings(8, pool=(4, 4)),), lstm_units=32)


@pytest.fixture
def trained(sample: Data, recipe: Recipe, tmp_path: Path) -> dict[str, Path]:
    """Two runs that began alike, and two of another shape that did not."""
    asked = {
        "once": replace(recipe, epochs=1, joining=JOINING),
        "twice": replace(recipe, epochs=2),
        "otherwise": replace(recipe, epochs=1, seed=1, model=replace(recipe.model, speech=_WIDE)),
        "thrice": replace(recipe, epochs=1, seed=2, model=replace(recipe.model, speech=_WIDE)),
    }
    return {name: fit(sample, one, tmp_path / name, tmp_path / "cache") for name, one in asked.items()}


def test_the_average_is_the_mean_of_the_weights(trained: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "average"

    code = cli.main(["average", str(trained["once"]), str(trained["twice"]), "--out", str(out)])

    assert code == 0
    once, twice, mean = (load_file(folder / "model.safetensors") for folder in (trained["once"], trained["twice"], out))
    assert once.keys() == mean.keys()
    moved = [name for name in mean if not torch.equal(once[name], twice[name])]
    assert moved
    for name in moved:
        if mean[name].is_floating_point():
            torch.testing.assert_close(
                mean[name].float(), (once[name].float() + twice[name].float()) / 2, rtol=2e-3, atol=1e-5
            )
    settings, roster = checkpoint.read_config(out)
    assert settings.temperatures == {}
    assert roster.joining == JOINING
    assert "once/checkpoint" in (out / "README.md").read_text()
    (said,) = Recognizer.load(out, accelerator="cpu").score([Spoken(torch.randn(16_000).numpy() * 0.1, "hello")])
    assert said is not None


def test_what_did_not_begin_alike_is_refused(trained: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did not begin with the same weights"):
        average([trained["otherwise"], trained["thrice"]], tmp_path / "out")
    with pytest.raises(DataError, match="of another shape"):
        average([trained["once"], trained["otherwise"]], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_checkpoint_has_no_average(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["average", "default", "--out", str(tmp_path / "out")]) == 2
    assert "two checkpoints or more" in capsys.readouterr().err


def test_members_are_not_averaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="further members"):
        average([Path("default"), Path("default")], tmp_path / "out")
