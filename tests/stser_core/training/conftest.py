"""A small IEMOCAP-shaped tree, a tiny pre-trained-like ALBERT, and a recipe that trains in seconds."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stser_core.features import FeatureSettings
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import StserSettings
from stser_core.tmodel import TextSettings
from stser_core.training.corpora import read
from stser_core.training.corpora.iemocap_sample import make_tree
from stser_core.training.folds import Fold, HoldOut, leave_one_session_out
from stser_core.training.run import Data
from stser_core.training.settings import Recipe


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Whoever started these tests in the background has switched Ctrl-C off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def iemocap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated tree in IEMOCAP's format."""
    folder = tmp_path_factory.mktemp("iemocap")
    make_tree(folder, turns=20)
    return folder


@pytest.fixture(scope="session")
def folds(iemocap: Path) -> list[Fold]:
    return leave_one_session_out(read("iemocap", iemocap).clips, HoldOut())


@pytest.fixture(scope="session")
def sample(folds: list[Fold]) -> Data:
    return Data(folds[0].train, folds[0].validation)


@pytest.fixture(scope="session")
def text_encoder(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A tiny ALBERT in the Hub's format, with the real vocabulary: for the mechanics."""
    import torch
    from transformers import AlbertConfig, AlbertModel

    folder = tmp_path_factory.mktemp("albert")
    torch.manual_seed(0)
    config = AlbertConfig(
        vocab_size=30_000,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    AlbertModel(config).save_pretrained(folder)
    shutil.copy(data / "albert-vocab" / "tokenizer.json", folder)
    return folder


@pytest.fixture
def recipe(text_encoder: Path) -> Recipe:
    """All three classifiers, two epochs."""
    model = StserSettings(
        features=FeatureSettings(mel_bands=24),
        classifiers=("speech", "text", "bimodal"),
        speech=SpeechSettings(blocks=(ConvSettings(8, pool=(4, 4)),), lstm_units=8, dropout=0.1),
        text=TextSettings(encoder=str(text_encoder), pooling="mean", maximum_pieces=32),
        dropout=0.1,
    )
    return Recipe(model=model, epochs=2, patience=0, learning_rate=3e-3, batch=16)


@pytest.fixture
def speech_recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, model=replace(recipe.model, classifiers=("speech",)))
