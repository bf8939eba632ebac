"""Evaluate a text classifier on labelled texts, service dialogues and call phrases.

python experiments/text_classifier/evaluate.py --data DATA CHECKPOINT [--json OUT.json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import texts
import torch
from classifier import Floats, TextClassifier, load
from phrases import EMOTIONAL_TEST, NEUTRAL_TEST

from stser_core.emotions import LABELS
from stser_core.ensemble import apply_prior, softmax
from stser_core.training.metrics import calibration_error

SETS = (
    ("goemotions", "dev"),
    ("goemotions", "test"),
    ("meld", "dev"),
    ("emorynlp", "dev"),
    ("emorynlp", "test"),
    ("dailydialog", "dev"),
    ("dailydialog", "test"),
)
PRIORS = (0.25, 0.4, 0.625)
"""Probabilities of neutral; 0.25 is an even prior."""
SURE = 0.7

_NEUTRAL = LABELS.index("neutral")
_HEADINGS = ("", "texts", *(f"neutral expected {prior:g}" for prior in PRIORS))


def evaluate(classifier: TextClassifier, data: Path, temperature: float) -> dict[str, Any]:
    """Metrics by set of texts, with question and exclamation marks and without."""
    dialogues = texts.unlabelled(data)
    service = {
        (corpus, part): some for part in ("dev", "test") for corpus, some in texts.service(dialogues, part).items()
    }
    found: dict[str, Any] = {"temperature": temperature, "labelled": {}, "service": {}, "phrases": {}}
    for marks in (True, False):
        suffix = "" if marks else ", no marks"

        def probabilities(some: Sequence[str], marks: bool = marks) -> Floats:
            return softmax(classifier.logits(some, marks=marks) / temperature)

        for corpus, split in SETS:
            rows = texts.labelled(data, corpus, split)
            truth = np.array([row.label for row in rows])
            answers = probabilities([row.text for row in rows])
            one: dict[str, Any] = {"n": len(rows), "ece": calibration_error(truth, answers)}
            for prior in PRIORS:
                guess = apply_prior(answers, _prior(prior)).argmax(1)
                recall = {label: float((guess[truth == n] == n).mean()) for n, label in enumerate(LABELS)}
                one[f"{prior:g}"] = {"ua": float(np.mean(list(recall.values()))), **recall}
            found["labelled"][f"{corpus} {split}{suffix}"] = one
        for (corpus, part), some in service.items():
            found["service"][f"{corpus} {part}{suffix}"] = _neutral(probabilities(some))
        emotional = probabilities([text for text, _ in EMOTIONAL_TEST])
        wanted = np.array([LABELS.index(label) for _, label in EMOTIONAL_TEST])
        found["phrases"][f"neutral{suffix}"] = _neutral(probabilities(NEUTRAL_TEST))
        found["phrases"][f"emotional{suffix}"] = {
            "n": len(wanted),
            **{
                f"{prior:g}": {
                    "not neutral": float((moved.argmax(1) != _NEUTRAL).mean()),
                    "right": float((moved.argmax(1) == wanted).mean()),
                }
                for prior in PRIORS
                for moved in (apply_prior(emotional, _prior(prior)),)
            },
        }
    return found


def table(found: dict[str, Any]) -> str:
    """The metrics as Markdown tables, in percent."""
    blocks = []
    for title, rows, key in (
        ("UA", found["labelled"], "ua"),
        ("neutral", found["service"] | {"phrases, neutral": found["phrases"]["neutral"]}, "neutral"),
        ("not neutral", {"phrases, emotional": found["phrases"]["emotional"]}, "not neutral"),
    ):
        lines = ["| " + " | ".join((title, *_HEADINGS[1:])) + " |", "|" + " --- |" * len(_HEADINGS)]
        for name, one in rows.items():
            values = [f"{100 * one[f'{prior:g}'][key]:.1f}" for prior in PRIORS]
            lines.append("| " + " | ".join((name, str(one["n"]), *values)) + " |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _neutral(answers: Floats) -> dict[str, Any]:
    """Proportion called neutral, and called emotional above `SURE`, of texts that are neutral."""
    found: dict[str, Any] = {"n": len(answers)}
    for prior in PRIORS:
        moved = apply_prior(answers, _prior(prior))
        sure = np.delete(moved, _NEUTRAL, 1).max(1) > SURE
        found[f"{prior:g}"] = {"neutral": float((moved.argmax(1) == _NEUTRAL).mean()), "sure": float(sure.mean())}
    return found


def _prior(neutral: float) -> list[float]:
    return [neutral if n == _NEUTRAL else (1 - neutral) / 3 for n in range(len(LABELS))]


def main() -> None:
    """Evaluate, and print tables."""
    parser = argparse.ArgumentParser(description="Evaluate a text classifier.")
    parser.add_argument("checkpoint", type=Path, help="folder of a checkpoint, also of version 0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder with the four .tsv and unlabelled.tsv.gz")
    parser.add_argument("--json", type=Path, help="write all metrics here")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    classifier = load(asked.checkpoint)
    found = evaluate(classifier, asked.data, classifier.temperature)
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
