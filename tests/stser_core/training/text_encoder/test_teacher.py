from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stser_core.errors import DataError
from stser_core.training.text_encoder.teacher import SentenceTeacher, embeddings


@pytest.fixture(scope="module")
def teacher(sentence_encoder: Path) -> SentenceTeacher:
    return SentenceTeacher(sentence_encoder)


def test_sentence_vectors_have_unit_length_and_do_not_depend_on_their_neighbours(
    teacher: SentenceTeacher, texts: list[str]
) -> None:
    vectors = teacher.embed(texts)
    assert vectors.shape == (len(texts), 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(teacher.embed(texts[5:6])[0], vectors[5], atol=0.02)


def test_what_was_broken_off_is_made_again(
    teacher: SentenceTeacher, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stser_core.training.text_encoder.teacher._CHUNK", 32)
    whole = np.array(embeddings(teacher, texts, tmp_path / "whole"))
    assert whole.shape == (len(texts), 16)
    embeddings(teacher, texts, tmp_path / "broken")
    (kept,) = (tmp_path / "broken").glob("*.f16")
    kept.write_bytes(kept.read_bytes()[: 16 * 2 * 70 + 5])  # two chunks, and a part of the third
    np.testing.assert_array_equal(embeddings(teacher, texts, tmp_path / "broken"), whole)


def test_other_texts_are_kept_apart(teacher: SentenceTeacher, texts: list[str], tmp_path: Path) -> None:
    embeddings(teacher, texts, tmp_path)
    assert len(embeddings(teacher, texts[:7], tmp_path)) == 7
    assert len(list(tmp_path.glob("*.f16"))) == 2


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sentence encoder .* cannot be loaded"):
        SentenceTeacher(tmp_path / "nothing")
