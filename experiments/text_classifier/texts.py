"""Labelled texts and service dialogues, as training and evaluation read them."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import NamedTuple

from stser_core.emotions import LABELS
from stser_core.tokenizer import normalise

CORPORA = ("goemotions", "meld", "emorynlp", "dailydialog")
SERVICE = ("sgd", "taskmaster")


class Labelled(NamedTuple):
    """A labelled text."""

    corpus: str
    label: int
    text: str


def labelled(data: Path, corpus: str, split: str) -> list[Labelled]:
    """Texts of one split (`train`, `dev` or `test`) of `corpus.tsv`; those without a word are left out."""
    with (data / f"{corpus}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Labelled(corpus, LABELS.index(row["label"]), row["text"])
        for row in rows
        if row["split"] == split and normalise(row["text"])
    ]


def unlabelled(data: Path) -> dict[str, list[str]]:
    """Texts of `unlabelled.tsv.gz` by corpus, in the file's order."""
    found: dict[str, list[str]] = {}
    with gzip.open(data / "unlabelled.tsv.gz", "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            corpus, _, text = line.rstrip("\n").partition("\t")
            if normalise(text):
                found.setdefault(corpus, []).append(text)
    return found


def service(texts: dict[str, list[str]], part: str) -> dict[str, list[str]]:
    """Service dialogues by corpus, split by the file's order, so that most dialogues stay whole.

    `train` is the first 85 %, `dev` the next 5 %, `test` the last 10 %.
    """
    found = {}
    for corpus in SERVICE:
        some = texts[corpus]
        end = len(some) - len(some) // 10
        start = {"train": 0, "dev": end - len(some) // 20, "test": end}[part]
        stop = {"train": len(some) * 85 // 100, "dev": end, "test": len(some)}[part]
        found[corpus] = some[start:stop]
    return found
