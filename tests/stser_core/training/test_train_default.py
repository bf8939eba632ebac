"""scripts/train_default --free on a tree in CREMA-D's exact format, with tiny networks and few steps."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from iemocap_sample import tone
from making import write_wav

from stser_core import checkpoint
from stser_core.config import CheckpointConfig
from stser_core.emotions import LABELS
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig
from stser_core.training.recipe import Recipe, only

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CODES = {"ANG": "angry", "DIS": "other", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
EMODB = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}


@pytest.fixture
def given(tmp_path: Path, default_like: CheckpointConfig, front_end: Path) -> list[str]:
    rng = random.Random(0)
    for actor in range(1001, 1006):
        for sentence in ("IEO", "TIE", "IOM"):
            for code, label in CODES.items():
                name = f"{actor}_{sentence}_{code}_XX.wav"
                write_wav(tmp_path / "CREMA-D" / "AudioWAV" / name, tone(label, "F", rng))
    for speaker in ("03", "08", "09", "10", "11"):
        for letter, label in EMODB.items():
            write_wav(tmp_path / "emodb" / "wav" / f"{speaker}a01{letter}a.wav", tone(label, "F", rng))
    texts = tmp_path / "texts"
    texts.mkdir()
    for corpus in ("goemotions", "emorynlp"):
        rows = [
            f"{corpus}\t{part}\t{part}-{label}-{n}\t{label}\t{label}\tthis is {label} {n}"
            for part, count in (("train", 12), ("dev", 4), ("test", 4))
            for label in LABELS
            for n in range(count)
        ]
        header = "corpus\tsplit\tid\tlabel\temotion\ttext"
        (texts / f"{corpus}.tsv").write_text("\n".join([header, *rows]) + "\n")
    service = [f"{corpus}\tA table for {n} please." for corpus in ("sgd", "taskmaster") for n in range(40)]
    (texts / "unlabelled.tsv.gz").write_bytes(gzip.compress("\n".join(["corpus\ttext", *service]).encode()))
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    loop = LoopConfig(epochs=1, patience=0, learning_rate=1e-3)
    frozen = ("smodel", "tmodel", "speech", "text")
    augmentation = Augmentation(lines=0.5, line_versions=1)
    for name, model in (
        ("speech", only(default_like, ["speech"])),
        ("text", only(default_like, ["text"])),
        ("bimodal", default_like),
    ):
        recipe = Recipe(model=model, loop=loop, augmentation=augmentation, own_words=False)
        recipe = replace(recipe, frozen=frozen if name == "bimodal" else ())
        (recipes / f"{name}.json").write_bytes(recipe.to_json())
    places = [tmp_path / "CREMA-D", tmp_path / "emodb", texts]
    return ["--front-end", str(front_end), "--recipes", str(recipes), "--run", str(tmp_path / "run"), *map(str, places)]


def test_a_free_checkpoint_is_made_of_all_parts(given: list[str], text_encoder: Path, tmp_path: Path) -> None:
    command = [str(ROOT / "scripts" / "train_default"), "--free", "--text-encoder", str(text_encoder), *given]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "run" / "default"
    config = checkpoint.load(folder).model.config
    assert tuple(config.classifiers) == ("speech", "text", "bimodal")
    assert "bimodal+speech+text" in config.ensemble.temperatures
    card = (folder / "README.md").read_text()
    assert card.index("Call-like streams") < card.index("## Data")
    assert "crema-d" in card and "emodb" in card
    results = json.loads((tmp_path / "run" / "bimodal" / "test.json").read_text())
    assert results["service"]["n"] > 0 and "pairs" in results and "wide" in results["streams"]["streams"]
    # Called again, nothing is trained again.
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("state/last.safetensors")}
    assert len(stamps) == 3
    subprocess.run(command, capture_output=True, env=environment, check=True)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_wrong_usage_is_explained() -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "train_default"), "--free"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "Usage:" in done.stderr
