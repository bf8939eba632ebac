"""Models small enough to be made anew in every test."""

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from stser_core.checkpoint import Checkpoint
from stser_core.config import (
    AlbertConfig,
    CheckpointConfig,
    ConvConfig,
    EnsembleConfig,
    FeatureConfig,
    FrontEndConfig,
    LateFusion,
    SmodelConfig,
    SpeakerBaselineConfig,
    TmodelConfig,
)
from stser_core.model import Stser
from stser_core.recognizer import EmotionRecognizer
from stser_core.tokenizer import Tokenizer
from stser_core.torch_network import TorchNetwork
from stser_core.training.presets import DEFAULT, PAPER, WHISPER_FEATURES

_SIZES = {"embedding_size": 4, "hidden_size": 12, "intermediate_size": 16, "max_position_embeddings": 64}
ALBERT = AlbertConfig(**_SIZES, num_hidden_layers=2, num_attention_heads=3)
TMODEL = TmodelConfig(encoder="tiny", albert=ALBERT, pooling="mean", maximum_pieces=32)


@pytest.fixture(scope="session")
def config() -> CheckpointConfig:
    """A small STSER with all three classifiers, from log-mel, as the paper has it."""
    return replace(
        PAPER,
        features=FeatureConfig(mel_bands=24),
        smodel=SmodelConfig(blocks=(ConvConfig(6),), lstm_units=8),
        tmodel=TMODEL,
        ensemble=EnsembleConfig(temperatures={"speech": 1.5, "text": 0.5}),
    )


@pytest.fixture(scope="session")
def front_config() -> CheckpointConfig:
    """A small STSER with a front end and a speaker baseline, as the default checkpoint has them."""
    return replace(
        DEFAULT,
        features=replace(WHISPER_FEATURES, mel_bands=16),
        front_end=FrontEndConfig(model="tiny", layers=2, size=16, heads=2, positions=60),
        speaker_baseline=SpeakerBaselineConfig(pseudo_turns=2.0, memory=10.0),
        smodel=SmodelConfig(
            blocks=(ConvConfig(8, kernel=(1, 3), pool=(1, 1), norm=False, activation=False),),
            lstm_units=0,
            heads=2,
            residual_attention=True,
            pooling="mean_deviation",
            input_statistics=True,
            input_dropout=0.1,
        ),
        tmodel=TMODEL,
        ensemble=EnsembleConfig(
            temperatures={"speech": 1.2, "text": 0.8, "bimodal": 1.0, "bimodal+speech+text": 0.9},
            late_fusion=LateFusion(0.25, 0.9),
            class_prior=(0.2, 0.2, 0.4, 0.2),
        ),
    )


@pytest.fixture(scope="session")
def build():
    """Make a model of a configuration in evaluation mode, whose untrained classifiers are fairly sure."""

    def make(config: CheckpointConfig, seed: int = 0) -> Stser:
        torch.manual_seed(seed)
        model = Stser(config)
        with torch.no_grad():
            for weight in model.classifiers.parameters():
                weight.mul_(3)
            if model.front_end is not None:
                model.neutral_mean.copy_(torch.randn(len(model.neutral_mean)))
        return model.eval()

    return make


@pytest.fixture(scope="session", autouse=True)
def single_precision():
    """The front end computes in float32 on every machine, so that a batch gives what each utterance alone gives."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("frontend", "torch_network"):
            patch.setattr(f"stser_core.{module}.has_bfloat16", lambda: False)
        yield


@pytest.fixture(scope="session")
def tiny_whisper():
    """Make a small Whisper of transformers with random weights."""
    from transformers import WhisperConfig, WhisperModel

    def make(**shape):
        torch.manual_seed(0)
        decoder = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_start_token_id": 3, "vocab_size": 60}
        tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
        return WhisperModel(WhisperConfig(encoder_attention_heads=2, **shape, **decoder, **tokens)).eval()

    return make


@pytest.fixture(scope="session")
def tokenizer(data) -> Tokenizer:
    """The real ALBERT vocabulary."""
    return Tokenizer.load(data / "albert-vocab", maximum_pieces=32)


@pytest.fixture(scope="session")
def recognizer_of(tokenizer):
    """Make a recognizer of a model in memory, on the CPU: `recognizer_of(model, explain=True)`."""

    def make(model: Stser, **options) -> EmotionRecognizer:
        loaded = Checkpoint(Path("tiny"), model.config, tokenizer)
        return EmotionRecognizer(loaded, TorchNetwork(model, "cpu"), **options)

    return make
