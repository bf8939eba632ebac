"""scripts/train_default --free on a tree in CREMA-D's exact format, with tiny networks and few steps."""

import gzip
import json
import os
import random
import subprocess
from itertools import product
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

SCRIPT = Path(__file__).parents[3] / "scripts" / "train_default"
CODES = {"ANG_W": "angry", "DIS_E": "other", "HAP_F": "happy", "NEU_N": "neutral", "SAD_T": "sad"}


def write_corpora(folder):
    """CREMA-D and EmoDB out of tones, and tables of texts; their folders."""
    rng = random.Random(0)
    for (code, label), speaker in product(CODES.items(), ("03", "08", "09", "10", "11")):
        for sentence in ("IEO", "TIE", "IOM"):
            name = f"10{speaker}_{sentence}_{code[:3]}_XX.wav"
            write_wav(folder / "CREMA-D" / "AudioWAV" / name, tone(label, "F", rng))
        write_wav(folder / "emodb" / "wav" / f"{speaker}a01{code[4]}a.wav", tone(label, "F", rng))
    texts = folder / "texts"
    texts.mkdir()
    for corpus in ("goemotions", "emorynlp"):
        parts = ["train"] * 12 + ["dev"] * 4 + ["test"] * 4
        rows = [
            f"{corpus}\t{part}\t{n}-{label}\t{label}\t{label}\tthis is {label} {part} {n}"
            for label, (n, part) in product(LABELS, enumerate(parts))
        ]
        (texts / f"{corpus}.tsv").write_text("\n".join(["corpus\tsplit\tid\tlabel\temotion\ttext", *rows]) + "\n")
    service = [f"{corpus}\tA table for {n} please." for corpus in ("sgd", "taskmaster") for n in range(40)]
    (texts / "unlabelled.tsv.gz").write_bytes(gzip.compress("\n".join(["corpus\ttext", *service]).encode()))
    return [folder / "CREMA-D", folder / "emodb", texts]


def test_a_free_checkpoint_is_made_of_all_parts(default_like, front_end, text_encoder, tmp_path):
    run, recipes = tmp_path / "run", tmp_path / "recipes"
    recipes.mkdir()
    loop, lines = LoopConfig(epochs=1, patience=0, learning_rate=1e-3), Augmentation(lines=0.5, line_versions=1)
    both = Recipe(model=default_like, loop=loop, augmentation=lines, own_words=False)
    for name in ("speech", "text"):
        (recipes / f"{name}.json").write_bytes(replace(both, model=only(default_like, [name])).to_json())
    (recipes / "bimodal.json").write_bytes(replace(both, frozen=("smodel", "tmodel", "speech", "text")).to_json())
    options = ["--text-encoder", text_encoder, "--front-end", front_end, "--recipes", recipes, "--run", run]
    command = [SCRIPT, "--free", *options, *write_corpora(tmp_path)]
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
    done = subprocess.run([SCRIPT, "--free"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Usage:" in done.stderr
