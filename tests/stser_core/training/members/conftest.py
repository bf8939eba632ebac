"""Clips that a level tells apart, a checkpoint that gets a member, and a tiny wav2vec2 in the Hub's format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core import checkpoint
from stser_core.emotions import LABELS
from stser_core.features import FeatureSettings
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import Stser, StserSettings
from stser_core.training.clip import Clip

RATE = 16_000


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory, record) -> tuple[Clip, ...]:
    """Eight speakers, who tell each emotion by a tone of its own, in two corpora."""
    folder = tmp_path_factory.mktemp("tones")
    dice = np.random.default_rng(0)
    clips = []
    for speaker in range(8):
        for number, label in enumerate(LABELS):
            sound = 0.3 * np.sin(np.arange(RATE // 2) * 2 * np.pi * (500 + 1_000 * number + 10 * speaker) / RATE)
            name = f"{label}-{speaker}"
            path = record(folder / f"{name}.wav", sound + 0.01 * dice.standard_normal(len(sound)), RATE, "pcm_s16le")
            corpus = f"corpus{speaker % 2}"
            clips.append(
                Clip(f"{corpus}/{name}", path, None, label, f"speaker{speaker}", None, None, "en", corpus, None)
            )
    return tuple(clips)


@pytest.fixture(scope="session")
def manifest(tones: tuple[Clip, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same clips as a manifest."""
    path = tmp_path_factory.mktemp("manifest") / "manifest.csv"
    rows = [f"{clip.corpus},{clip.path},{clip.speaker},en,{clip.label}" for clip in tones]
    path.write_text("corpus,path,speaker,language,label\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A checkpoint with the speech classifier alone, untrained."""
    torch.manual_seed(0)
    settings = StserSettings(
        features=FeatureSettings(mel_bands=24),
        classifiers=("speech",),
        speech=SpeechSettings(blocks=(ConvSettings(6),), lstm_units=8),
    )
    folder = tmp_path / "voice"
    checkpoint.save(folder, Stser(settings).eval(), None, "# A card\n")
    return folder


@pytest.fixture(scope="session")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights: for the mechanics."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    folder = tmp_path_factory.mktemp("hub") / "tiny-wav2vec2"
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_kernel=(10, 8),
        conv_stride=(10, 8),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder
