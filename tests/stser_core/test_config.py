"""The configuration of a checkpoint: presets as data; what does not fit is refused with its place."""

import msgspec
import pytest
from msgspec.structs import replace

from stser_core.config import (
    CheckpointConfig,
    ClassifierConfig,
    ConvConfig,
    EncoderEntry,
    EnsembleConfig,
    LateFusion,
    SmodelConfig,
    SpeakerBaselineConfig,
    decode,
)
from stser_core.emotions import LABELS
from stser_core.errors import UsageError
from stser_core.training.presets import DEFAULT, PAPER, PRESETS

TEXT = ClassifierConfig(("text",))


def test_presets_survive_json_and_have_the_frames_that_they_say():
    for preset in PRESETS.values():
        assert decode(msgspec.json.encode(preset), CheckpointConfig) == preset
    assert (PAPER.smodel_input, PAPER.frame_samples) == ((1, 64), 160)
    assert (DEFAULT.smodel_input, DEFAULT.frame_samples) == ((1024, 1), 640)  # 25 a second


@pytest.mark.parametrize(
    "change",
    [
        *({"labels": ("happy", "angry", "neutral", "sad")}, {"labels": LABELS[:3]}),
        *({"classifiers": {}}, {"tmodel": None}, {"smodel": None}),
        {"classifiers": {"speech+text": ClassifierConfig(("speech",))}},
        {"classifiers": {"speech": ClassifierConfig(())}},
        {"classifiers": {"face": ClassifierConfig(("face",))}},
        {"classifiers": {"ensemble": ClassifierConfig(("speech",))}},
        *({"encoders": {name: EncoderEntry("hub", 4)}} for name in ("text", "model", "Front_end", "ensemble")),
        *({"encoders": {name: EncoderEntry("hub", 4)}} for name in ("", "../x", "a\\b", "a.b", "x\n")),
        {"speaker_baseline": SpeakerBaselineConfig()},
        {"ensemble": EnsembleConfig(weights={"pitch": 2.0})},
        {"ensemble": EnsembleConfig(temperatures={"bimodal+speech+pitch": 1.0})},
        {"ensemble": EnsembleConfig(temperatures={"text+speech": 1.0})},
        {"ensemble": EnsembleConfig(late_fusion=LateFusion(0.1, 0.1)), "classifiers": {"text": TEXT}},
        {"smodel": SmodelConfig(blocks=(ConvConfig(2),) * 4)},
        {"smodel": SmodelConfig(blocks=(ConvConfig(2, pool=(32, 1)),))},
        {"smodel": SmodelConfig(blocks=(ConvConfig(6),), lstm_units=8, heads=5)},
    ],
)
def test_parts_that_do_not_fit_are_refused(config, change):
    with pytest.raises(UsageError):
        replace(config, **change)


@pytest.mark.parametrize(
    ("part", "settings", "place"),
    [
        *(("features", {"high_hz": 9_000.0}, "high_hz"), ("features", {"n_fft": 256}, "n_fft")),
        ("features", {"low_hz": 5_000.0, "high_hz": 5_000.0}, "high_hz"),
        ("features", {"mel_band": 40}, r"`mel_band`.*features"),
        *(("front_end", {"size": 15, "heads": 5}, "size"), ("front_end", {"size": 16, "heads": 3}, "size")),
        ("front_end", {"joined": 4}, "joined"),
        ("smodel", {"blocks": [{"channels": 2, "kernel": [2, 3]}]}, "kernel"),
        ("smodel", {"blocks": [{"channels": 2, "pool": [0, 1]}]}, "pool"),
        ("smodel", {"blocks": [{"channels": 2, "pol": [1, 1]}]}, r"`pol`.*blocks\[0\]"),
        ("smodel", {"blocks": [], "dropout": 1.5}, "dropout"),
        ("tmodel", {"albert": {"hidden_size": 10, "num_attention_heads": 3}}, "hidden_size"),
        ("ensemble", {"temperatures": {"speech": 0.0}}, "temperatures"),
        ("ensemble", {"class_prior": [0.5, 0.5, 0.5, 0.5]}, "class prior"),
        ("ensemble", {"class_prior": [0.0, 0.0, 1.0, 0.0]}, "class_prior"),
    ],
)
def test_settings_out_of_bounds_or_unknown_are_refused(config, part, settings, place):
    content = msgspec.json.encode(msgspec.to_builtins(config) | {part: settings})
    with pytest.raises(msgspec.DecodeError, match=place):
        decode(content, CheckpointConfig)
