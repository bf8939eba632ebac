"""A small IEMOCAP-shaped tree, tiny pretrained-like networks, and recipes that train in seconds."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from msgspec.structs import asdict, replace
from safetensors.torch import save_file

from stser_core.config import CheckpointConfig, EnsembleConfig
from stser_core.frontend import WhisperFrontEnd
from stser_core.training.augmentation import Augmentation
from stser_core.training.corpora import read
from stser_core.training.loop import LoopConfig
from stser_core.training.recipe import Recipe, only
from stser_core.training.run import RunData
from stser_core.training.saving import quantise
from stser_core.training.splits import Fold, folds_of

sys.path.insert(0, str(Path(__file__).parent))
from iemocap_sample import make_tree


@pytest.fixture(scope="session")
def iemocap(tmp_path_factory) -> Path:
    """A generated tree in IEMOCAP's format."""
    folder = tmp_path_factory.mktemp("iemocap")
    make_tree(folder, turns=20)
    return folder


@pytest.fixture(scope="session")
def folds(iemocap) -> list[Fold]:
    return folds_of(read("iemocap", iemocap).clips, "session")


@pytest.fixture(scope="session")
def sample(folds) -> RunData:
    return RunData.of(folds[0])


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """Shared, since what it holds follows from the recordings and the front end alone."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def text_encoder(config, tmp_path_factory, data) -> Path:
    """A tiny ALBERT in the Hub's format, with the real vocabulary: for the mechanics."""
    from transformers import AlbertConfig, AlbertModel

    folder = tmp_path_factory.mktemp("albert")
    torch.manual_seed(0)
    AlbertModel(AlbertConfig(**asdict(config.tmodel.albert))).save_pretrained(folder)
    shutil.copy(data / "albert-vocab" / "tokenizer.json", folder)
    return folder


@pytest.fixture
def recipe(config, text_encoder) -> Recipe:
    """The paper's kind of model: all three classifiers, two epochs."""
    model = replace(config, tmodel=replace(config.tmodel, encoder=str(text_encoder)), ensemble=EnsembleConfig())
    return Recipe(model=model, loop=LoopConfig(epochs=2, patience=0, learning_rate=3e-3), batch=16)


@pytest.fixture
def speech_recipe(recipe) -> Recipe:
    return replace(recipe, model=only(recipe.model, ["speech"]))


@pytest.fixture(scope="session")
def default_like(front_config, text_encoder) -> CheckpointConfig:
    """The default preset's kind of model: a front end and a speaker baseline, both tiny."""
    tmodel = replace(front_config.tmodel, encoder=str(text_encoder))
    return replace(front_config, tmodel=tmodel, ensemble=EnsembleConfig(class_prior=(0.2, 0.2, 0.4, 0.2)))


@pytest.fixture(scope="session")
def front_end(default_like, tmp_path_factory) -> Path:
    """The weights of a tiny front end, as a checkpoint holds them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("front_end") / "front_end.safetensors"
    save_file(quantise(WhisperFrontEnd(default_like.front_end, 16).state_dict()), path)
    return path


@pytest.fixture
def frames_recipe(default_like) -> Recipe:
    """A speech classifier on cached frames, over telephone lines."""
    loop = LoopConfig(epochs=2, patience=0, learning_rate=3e-3, optimizer="adamw", schedule="cosine", warmup=0.1)
    lines = Augmentation(lines=0.5, line_versions=1, crop=0.3, frame_noise=0.2)
    return Recipe(model=only(default_like, ["speech"]), loop=loop, batch=16, augmentation=lines)
