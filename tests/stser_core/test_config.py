"""The configuration of a checkpoint: presets as data, and what does not fit together is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import msgspec
import pytest

from stser_core.config import (
    DEFAULT,
    PAPER,
    AlbertConfig,
    CheckpointConfig,
    ClassifierConfig,
    ConvConfig,
    EncoderEntry,
    EnsembleConfig,
    FeatureConfig,
    FrontEndConfig,
    LateFusion,
    SmodelConfig,
    SpeakerBaselineConfig,
    preset,
)
from stser_core.emotions import LABELS
from stser_core.errors import UsageError
from stser_core.settings import decode

SPEECH = {"speech": ClassifierConfig(("speech",))}


def test_the_papers_layers():
    assert PAPER.features.mel_bands == 64
    assert PAPER.front_end is None and PAPER.speaker_baseline is None
    assert len(PAPER.smodel.blocks) == 1 and PAPER.smodel.lstm_units and PAPER.smodel.heads == 4
    assert PAPER.tmodel.encoder == "albert-base-v2" and PAPER.tmodel.pooling == "cls"
    assert list(PAPER.classifiers) == ["speech", "text", "bimodal"]
    assert PAPER.ensemble == EnsembleConfig()


def test_the_default_has_three_layers_of_whisper_and_a_baseline():
    assert (DEFAULT.front_end.model, DEFAULT.front_end.layers) == ("whisper-base", 3)
    assert DEFAULT.speaker_baseline is not None
    assert DEFAULT.smodel_input == (1024, 1)  # of its last two
    assert DEFAULT.frame_samples == 640  # 25 frames a second


@pytest.mark.parametrize("name", ["paper", "default"])
def test_a_preset_survives_json(name):
    assert decode(msgspec.json.encode(preset(name)), CheckpointConfig) == preset(name)


def test_an_unknown_preset():
    with pytest.raises(UsageError, match="paper, default"):
        preset("large")


def test_importing_it_needs_no_torch():
    code = "import sys, stser_core.config, stser_core.speaker_baseline; print('torch' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("happy", "angry", "neutral", "sad")},
        {"labels": LABELS[:3]},
        {"classifiers": {}},
        {"classifiers": {"speech+text": ClassifierConfig(("speech",))}},
        {"classifiers": {"speech": ClassifierConfig(())}},
        {"classifiers": {"face": ClassifierConfig(("face",))}},
        {"tmodel": None},
        {"smodel": None},
        {"encoders": {"text": EncoderEntry("hub", 4)}},
        {"speaker_baseline": SpeakerBaselineConfig()},
        {"ensemble": EnsembleConfig(weights={"pitch": 2.0})},
        {"ensemble": EnsembleConfig(late_fusion=LateFusion(0.1, 0.1, speech=("pitch",)))},
        {"smodel": SmodelConfig(blocks=(ConvConfig(2),) * 4)},
        {"smodel": SmodelConfig(blocks=(ConvConfig(2, pool=(32, 1)),))},
        {"smodel": SmodelConfig(blocks=(ConvConfig(6),), lstm_units=8, heads=5)},
    ],
)
def test_parts_that_do_not_fit_are_refused(config, change):
    with pytest.raises(UsageError):
        replace(config, **change)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FeatureConfig(mel_bands=0),
        lambda: FeatureConfig(high_hz=9_000.0),
        lambda: FeatureConfig(low_hz=5_000.0, high_hz=5_000.0),
        lambda: FeatureConfig(window_ms=float("nan")),
        lambda: FeatureConfig(n_fft=256),
        lambda: FrontEndConfig(size=15, heads=5),
        lambda: FrontEndConfig(size=16, heads=3),
        lambda: SpeakerBaselineConfig(pseudo_turns=0),
        lambda: ConvConfig(0),
        lambda: ConvConfig(2, kernel=(2, 3)),
        lambda: ConvConfig(2, stride=(2, 2), residual=True),
        lambda: SmodelConfig(blocks=(), dropout=1.5),
        lambda: AlbertConfig(hidden_size=10, num_attention_heads=3),
        lambda: AlbertConfig(hidden_size=-1),
        lambda: EnsembleConfig(temperatures={"speech": 0.0}),
        lambda: EnsembleConfig(temperatures={"speech": float("nan")}),
        lambda: EnsembleConfig(weights={"speech": 0.0}),
        lambda: EnsembleConfig(class_prior=(0.5, 0.5, 0.5, 0.5)),
        lambda: EnsembleConfig(class_prior=(0.0, 0.0, 1.0, 0.0)),
        lambda: LateFusion(-0.1, 0.1),
    ],
)
def test_numbers_out_of_bounds_are_refused(make):
    with pytest.raises(UsageError):
        make()
