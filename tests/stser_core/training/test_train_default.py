"""scripts/train_default --free on a tree in CREMA-D's exact format, with tiny networks and few steps."""

import gzip
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from iemocap_sample import tone
from making import write_wav
from msgspec.structs import replace

from stser_core import checkpoint
from stser_core.emotions import LABELS
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig
from stser_core.training.recipe import Recipe, only

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CODES = {"ANG": "angry", "DIS": "other", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
EMODB = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}


def write_corpora(folder):
    """CREMA-D and EmoDB out of tones, and tables of texts; their folders."""
    rng = random.Random(0)
    for actor in range(1001, 1006):
        for sentence in ("IEO", "TIE", "IOM"):
            for code, label in CODES.items():
                name = f"{actor}_{sentence}_{code}_XX.wav"
                write_wav(folder / "CREMA-D" / "AudioWAV" / name, tone(label, "F", rng))
    for speaker in ("03", "08", "09", "10", "11"):
        for letter, label in EMODB.items():
            write_wav(folder / "emodb" / "wav" / f"{speaker}a01{letter}a.wav", tone(label, "F", rng))
    texts = folder / "texts"
    texts.mkdir()
    for corpus in ("goemotions", "emorynlp"):
        rows = [
            f"{corpus}\t{part}\t{part}-{label}-{n}\t{label}\t{label}\tthis is {label} {n}"
            for part, count in (("train", 12), ("dev", 4), ("test", 4))
            for label in LABELS
            for n in range(count)
        ]
        (texts / f"{corpus}.tsv").write_text("\n".join(["corpus\tsplit\tid\tlabel\temotion\ttext", *rows]) + "\n")
    service = [f"{corpus}\tA table for {n} please." for corpus in ("sgd", "taskmaster") for n in range(40)]
    (texts / "unlabelled.tsv.gz").write_bytes(gzip.compress("\n".join(["corpus\ttext", *service]).encode()))
    return [folder / "CREMA-D", folder / "emodb", texts]


def write_recipes(folder, model):
    folder.mkdir()
    loop, lines = LoopConfig(epochs=1, patience=0, learning_rate=1e-3), Augmentation(lines=0.5, line_versions=1)
    both = Recipe(model=model, loop=loop, augmentation=lines, own_words=False)
    for name in ("speech", "text"):
        (folder / f"{name}.json").write_bytes(replace(both, model=only(model, [name])).to_json())
    both = replace(both, frozen=("smodel", "tmodel", "speech", "text"))
    (folder / "bimodal.json").write_bytes(both.to_json())
    return folder


def test_a_free_checkpoint_is_made_of_all_parts(default_like, front_end, text_encoder, tmp_path):
    run, recipes = tmp_path / "run", write_recipes(tmp_path / "recipes", default_like)
    options = ["--text-encoder", text_encoder, "--front-end", front_end, "--recipes", recipes, "--run", run]
    command = [ROOT / "scripts" / "train_default", "--free", *options, *write_corpora(tmp_path)]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    config = checkpoint.load(run / "default").config
    assert tuple(config.classifiers) == ("speech", "text", "bimodal")
    assert "bimodal+speech+text" in config.ensemble.temperatures
    card = (run / "default" / "README.md").read_text()
    assert card.index("Call-like streams") < card.index("## Data")
    assert "crema-d" in card and "emodb" in card
    results = json.loads((run / "bimodal" / "test.json").read_text())
    assert results["service"]["n"] > 0 and "pairs" in results and "wide" in results["streams"]["streams"]


def test_wrong_usage_is_explained():
    done = subprocess.run([ROOT / "scripts" / "train_default", "--free"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Usage:" in done.stderr
