"""A tiny sentence encoder learns what words mean, and says it of texts that nobody labelled."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from stser_core.emotions import LABELS
from stser_core.errors import DataError, UsageError
from stser_core.training.clip import Clip
from stser_core.training.corpora import read
from stser_core.training.text_encoder import text_trainer
from stser_core.training.text_encoder.labelling import Labelling, label_texts

QUICK = Labelling(epochs=30, batch=8, learning_rate=5e-3)

MEANT = {"love": "happy", "hate": "angry", "miss": "sad", "painted": "neutral"}
"""What a verb of the texts stands for; texts with other verbs have no label."""


@pytest.fixture
def labelled(texts: list[str]) -> list[Clip]:
    """Every fourth validates."""
    known = [(text, label) for text in texts for verb, label in MEANT.items() if verb in text.split()]
    return [
        Clip(f"t/{n}", None, text, label, f"t/{n}", None, "validation" if n % 4 == 0 else "train", "en", "t", None)
        for n, (text, label) in enumerate(known)
    ]


def test_what_was_learnt_is_said_of_other_texts(sentence_encoder: Path, labelled: list[Clip], tmp_path: Path) -> None:
    unlabelled = ["Your friends love rain", "The car\thate house", "miss", 'We "painted" walks.']

    manifest, ua = label_texts(labelled, unlabelled, str(sentence_encoder), QUICK, tmp_path)

    assert ua > 0.9
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["text"] for row in rows] == [" ".join(text.split()) for text in unlabelled]
    for row in rows:
        assert sum(float(row[label]) for label in LABELS) == pytest.approx(1, abs=1e-3)
    clips = {clip.text: clip for clip in read("manifest", manifest).clips}
    assert [clips[row["text"]].label for row in rows] == ["happy", "angry", "sad", "neutral"]
    assert {(clip.corpus, clip.split) for clip in clips.values()} == {("unlabelled", "train")}


def test_an_interrupted_run_goes_on_where_it_stopped(
    sentence_encoder: Path, labelled: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_trainer, "JUDGED_EVERY", 6)
    short = replace(QUICK, epochs=1)
    label_texts(labelled, ["We love it"], str(sentence_encoder), short, tmp_path)
    first = (tmp_path / "texts.tsv").read_text()
    (tmp_path / "texts.tsv").unlink()
    label_texts(labelled, ["We love it"], str(sentence_encoder), short, tmp_path)
    assert (tmp_path / "texts.tsv").read_text() == first


def test_without_texts_to_judge_by_nothing_is_labelled(
    sentence_encoder: Path, labelled: list[Clip], tmp_path: Path
) -> None:
    train = [clip for clip in labelled if clip.split == "train"]
    with pytest.raises(DataError, match="train and validation"):
        label_texts(train, ["We love it"], str(sentence_encoder), QUICK, tmp_path)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="smoothing"):
        Labelling(smoothing=1.0)
