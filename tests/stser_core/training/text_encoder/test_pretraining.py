from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stser_core.errors import DataError, UsageError
from stser_core.tmodel import TextSettings, pretrained
from stser_core.training.text_encoder import text_trainer
from stser_core.training.text_encoder.distillation import piece_embeddings
from stser_core.training.text_encoder.pretraining import Pretraining, pretrain
from stser_core.training.text_encoder.teacher import SentenceTeacher

SMALL = Pretraining(embedding=8, hidden=32, layers=2, heads=2, epochs=12, batch=16, learning_rate=5e-3)


@pytest.fixture(scope="module")
def encoder(sentence_encoder: Path, texts: list[str], data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    return pretrain(
        texts, SentenceTeacher(sentence_encoder), data / "albert-vocab", SMALL, folder / "run", folder / "cache"
    )


def test_what_the_teacher_finds_alike_becomes_alike(encoder: Path, sentence_encoder: Path, texts: list[str]) -> None:
    tmodel, tokenizer = pretrained(TextSettings(str(encoder), pooling="mean", maximum_pieces=32))
    encoded = tokenizer(texts)
    with torch.inference_mode():
        learnt = tmodel.eval()(encoded.pieces, encoded.mask).numpy()
    taught = SentenceTeacher(sentence_encoder).embed(texts)
    assert tmodel.settings.vector_size == 32
    # Of two representations of the same texts, how their similarities agree (see Kornblith et al. 2019).
    one, other = (vectors - vectors.mean(axis=0) for vectors in (learnt, taught))
    agreement = np.linalg.norm(one.T @ other) ** 2 / (np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other))
    assert agreement > 0.6


def test_an_interrupted_run_goes_on_where_it_stopped(
    sentence_encoder: Path, texts: list[str], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_trainer, "JUDGED_EVERY", 8)
    teacher, vocabulary = SentenceTeacher(sentence_encoder), data / "albert-vocab"
    whole = pretrain(texts, teacher, vocabulary, replace(SMALL, epochs=2), tmp_path / "whole", tmp_path)
    shutil.copytree(tmp_path / "whole" / "steps", tmp_path / "broken" / "steps")
    last = max((tmp_path / "broken" / "steps").iterdir(), key=lambda step: int(step.name.partition("-")[2]))
    assert last.name == "checkpoint-16"  # of 2 epochs with 9 batches each
    broken = pretrain(texts, teacher, vocabulary, replace(SMALL, epochs=2), tmp_path / "broken", tmp_path)
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, broken))
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name])


def test_pieces_begin_where_the_teacher_puts_them() -> None:
    directions = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    vectors = np.random.default_rng(1).standard_normal((500, 3)).astype(np.float32) @ directions
    first = piece_embeddings(vectors, 3).double().numpy()
    distances = np.linalg.norm(vectors[:50, None] - vectors[None, :50], axis=2)
    ours = np.linalg.norm(first[:50, None] - first[None, :50], axis=2)
    np.testing.assert_allclose(ours / ours.max(), distances / distances.max(), atol=1e-3)
    assert first.std() == pytest.approx(0.02, rel=1e-3)


def test_too_few_texts_are_refused(sentence_encoder: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        pretrain(["a"] * 99, SentenceTeacher(sentence_encoder), data / "albert-vocab", SMALL, tmp_path, tmp_path)


def test_a_folder_without_vocabulary_is_refused(sentence_encoder: Path, texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"vocabulary in .*(holds no pieces|cannot be read)"):
        pretrain(texts, SentenceTeacher(sentence_encoder), tmp_path, SMALL, tmp_path / "run", tmp_path)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="layers"):
        Pretraining(layers=0)
