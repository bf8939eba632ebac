"""Fine-tune a text classifier so that service dialogues are neutral and emotional texts stay emotional.

    python experiments/text_classifier/train.py --data DATA --start CHECKPOINT --out OUT

README.md beside this file describes the data and the recipe. Training goes on from the last finished epoch in OUT.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import texts
import torch
from classifier import Floats, TextClassifier, load, padded, save
from evaluate import SETS, evaluate, table
from numpy.random import Generator
from numpy.typing import NDArray
from phrases import EMOTIONAL_TEST, emotional_phrase, neutral_phrase
from texts import Labelled
from torch.nn.functional import log_softmax

from stser_core.emotions import LABELS
from stser_core.ensemble import softmax
from stser_core.tokenizer import normalise
from stser_core.training.calibration import fit_temperature

_NEUTRAL = LABELS.index("neutral")
_BALANCE = 0.35
_WARMUP = 20

EMOTIONAL = re.compile(
    r"\b(furious|angry|hate|terrible|horrible|awful|disgust\w*|ridiculous|stupid|idiot|damn|hell|pissed|annoy\w*|"
    r"unacceptable|sad|crying|cry|depress\w*|lonely|miserable|heartbroken|funeral|died|passed away|devastated|upset|"
    r"so happy|so excited|thrilled|can't wait|love you|amazing|i love|yay|hooray|woohoo|omg|overjoyed)\b"
)
APOLOGY = re.compile(r"\b(sorry|apolog\w*|afraid|unfortunately|regret)\b")
_POLITE = """thank you thanks very much a lot so many okay ok great perfect sorry i'm i am sure yes yeah no oh hello hi
bye goodbye please good fine nice welcome you're sounds that's is"""
POLITE = frozenset(_POLITE.split())
"""A labelled text of up to four of these words is left out: in a call it is neutral, whatever its label says."""


@dataclass(frozen=True)
class Pool:
    """What an epoch is drawn from; all texts are normalised, with marks.

    Attributes:
        labelled: Of the labelled corpora.
        labelled_soft: float [n, labels], the start checkpoint's probabilities of them.
        service: Service dialogues, taken as neutral.
        anchors: Unlabelled texts of forums and films.
        anchors_soft: float [n, labels], the start checkpoint's probabilities of them.
    """

    labelled: list[Labelled]
    labelled_soft: Floats
    service: list[str]
    anchors: list[str]
    anchors_soft: Floats


def gather(start: TextClassifier, asked: argparse.Namespace, rng: Generator) -> Pool:
    """Read and filter the training texts, and score them with the start checkpoint."""
    dialogues = texts.unlabelled(asked.data)
    held = _held_out(asked.data, dialogues)
    longer_held = {text for text in held if len(text.split()) > 3}  # `okay` and `thank you` are in every corpus

    labelled = [
        Labelled(row.corpus, row.label, normalise(row.text, marks=True))
        for corpus in texts.CORPORA
        for row in texts.labelled(asked.data, corpus, "train")
        if not _is_courtesy(row) and normalise(row.text) not in longer_held
    ]

    service = {
        corpus: [text for text in some if normalise(text) not in longer_held]
        for corpus, some in texts.service(dialogues, "train").items()
    }
    # Short texts are rare among unique texts and frequent in calls: all of them are taken.
    short = [text for text in service["sgd"] if len(text.split()) <= 5]
    longer = [text for text in service["sgd"] if len(text.split()) > 5]
    wanted = max(0, asked.service_pool - len(short) - len(service["taskmaster"]))
    chosen = service["taskmaster"] + short + [longer[place] for place in rng.permutation(len(longer))[:wanted]]
    neutral = [
        normalise(text, marks=True)
        for text, probabilities in zip(chosen, _soft(start, chosen), strict=True)
        if _may_be_neutral(text, probabilities)
    ]

    known = held | {normalise(row.text) for row in labelled}
    pool = [text for corpus in texts.CORPORA for text in dialogues.get(corpus, ()) if normalise(text) not in known]
    anchors = [normalise(pool[place], marks=True) for place in rng.permutation(len(pool))[: asked.anchor_pool]]
    print(
        f"{len(labelled):,} labelled, {len(neutral):,} of {len(chosen):,} service, {len(anchors):,} anchors", flush=True
    )
    return Pool(labelled, _soft(start, [row.text for row in labelled]), neutral, anchors, _soft(start, anchors))


def _held_out(data: Path, dialogues: dict[str, list[str]]) -> set[str]:
    """Every text that is evaluated, normalised; none of it is trained on, in any corpus."""
    held = {normalise(row.text) for corpus, split in SETS for row in texts.labelled(data, corpus, split)}
    for part in ("dev", "test"):
        held |= {normalise(text) for some in texts.service(dialogues, part).values() for text in some}
    return held | {normalise(text) for text, _ in EMOTIONAL_TEST}


def _soft(start: TextClassifier, some: Sequence[str]) -> Floats:
    return softmax(start.logits(some) / start.temperature)


def _is_courtesy(row: Labelled) -> bool:
    words = normalise(row.text).split()
    return row.label != _NEUTRAL and len(words) <= 4 and POLITE.issuperset(words)


def _may_be_neutral(text: str, probabilities: Floats) -> bool:
    """Whether a text of a service dialogue is kept: not those that are probably angry or sad, or say an emotion.

    Happy alone is no reason ("Perfect, thank you!"), nor is an apology that is taken for sad.
    """
    words = normalise(text)
    top = int(probabilities.argmax())
    says_emotion = bool(EMOTIONAL.search(words))
    apology = LABELS[top] == "sad" and not says_emotion and APOLOGY.search(words)
    sure = LABELS[top] in ("angry", "sad") and probabilities[top] > 0.93 and not apology
    return not sure and not (says_emotion and top != _NEUTRAL and probabilities[top] > 0.5)


def draw_weights(rows: Sequence[Labelled]) -> NDArray[np.float64]:
    """Labels alike within a corpus, corpora by their size to the power of 0.35; mean 1."""
    corpora = Counter(row.corpus for row in rows)
    labels = Counter((row.corpus, row.label) for row in rows)
    weights = np.array([corpora[row.corpus] ** _BALANCE / (4 * labels[row.corpus, row.label]) for row in rows])
    return weights / weights.mean()


def systematic(weights: NDArray[np.float64], n: int, rng: Generator) -> NDArray[np.int64]:
    """Draw n places, each about n · weight / sum times."""
    order = rng.permutation(len(weights))
    steps = np.cumsum(weights[order])
    places = (np.arange(n) + rng.random()) * (steps[-1] / n)
    return order[np.minimum(np.searchsorted(steps, places, side="right"), len(weights) - 1)]


def epoch_texts(pool: Pool, asked: argparse.Namespace, epoch: int) -> tuple[list[str], Floats]:
    """An epoch's texts, damaged as by a speech recogniser, and their targets, float32 [n, labels]."""
    rng = np.random.default_rng((asked.seed, epoch))
    phrases = random.Random(1000 * asked.seed + epoch)
    drawn: list[str] = []
    targets: list[Floats] = []

    def add(text: str, target: Floats) -> None:
        drawn.append(text)
        targets.append(target)

    def hard(label: int) -> Floats:
        target = np.full(len(LABELS), asked.smoothing / len(LABELS), dtype=np.float32)
        target[label] += 1 - asked.smoothing
        return target

    total = asked.labelled / (1 - asked.service - asked.phrases - asked.anchors)
    for place in systematic(draw_weights(pool.labelled), asked.labelled, rng):
        row = pool.labelled[place]
        text, target = row.text, (1 - asked.soft) * hard(row.label) + asked.soft * pool.labelled_soft[place]
        if row.label != _NEUTRAL and rng.random() < asked.joined:  # so that the domain says nothing about the label
            service = pool.service[int(rng.integers(len(pool.service)))]
            beside = service if rng.random() < 0.6 else neutral_phrase(phrases)
            text, target = f"{text} {beside}" if rng.random() < 0.5 else f"{beside} {text}", hard(row.label)
        add(text, target)
    for place in systematic(np.ones(len(pool.service)), int(total * asked.service), rng):
        add(pool.service[place], hard(_NEUTRAL))
    for _ in range(int(total * asked.phrases * 0.6)):
        add(neutral_phrase(phrases), hard(_NEUTRAL))
    for _ in range(int(total * asked.phrases * 0.4)):
        text, label = emotional_phrase(phrases)
        add(text, hard(label))
    for place in rng.permutation(len(pool.anchors))[: int(total * asked.anchors)]:
        add(pool.anchors[place], pool.anchors_soft[place])
    vocabulary = [word for row in pool.labelled for word in row.text.split()]
    return [damaged(text, vocabulary, rng, asked) for text in drawn], np.array(targets, dtype=np.float32)


def damaged(text: str, vocabulary: Sequence[str], rng: Generator, asked: argparse.Namespace) -> str:
    """Half of all texts lose their marks; words are dropped and swapped, alike in every source."""
    if rng.random() < 0.5:
        text = normalise(text) or text
    words = text.split()
    if len(words) > 2:
        kept = [
            vocabulary[int(rng.integers(len(vocabulary)))] if draw < asked.dropped + asked.swapped else word
            for word, draw in zip(words, rng.random(len(words)), strict=True)
            if draw >= asked.dropped
        ]
        words = kept or words[:1]
    return " ".join(words)


def batches(lengths: Sequence[int], size: int, rng: Generator) -> list[NDArray[np.int64]]:
    """Batches of texts of similar length, in random order."""
    order = rng.permutation(len(lengths))
    found = []
    for start in range(0, len(order), 40 * size):
        pool = order[start : start + 40 * size]
        pool = pool[np.argsort(np.asarray(lengths)[pool], kind="stable")]
        found += [pool[first : first + size] for first in range(0, len(pool), size)]
    return [found[place] for place in rng.permutation(len(found))]


def train(classifier: TextClassifier, average: TextClassifier, pool: Pool, asked: argparse.Namespace) -> None:
    """Train; `average` becomes the exponential moving average of the weights."""
    model = classifier.model
    wide = [one for one in model.tmodel.parameters() if one.ndim >= 2]
    narrow = [one for one in model.parameters() if one.ndim < 2]
    heads = [one for one in model.classifiers.parameters() if one.ndim >= 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": wide, "lr": asked.rate, "weight_decay": 0.01},
            {"params": narrow, "lr": asked.rate, "weight_decay": 0.0},
            {"params": heads, "lr": asked.head_rate, "weight_decay": 0.01},
        ]
    )
    per_epoch = int(asked.labelled / (1 - asked.service - asked.phrases - asked.anchors)) // asked.batch
    steps = min(per_epoch * asked.epochs, asked.max_steps or math.inf)
    warmup = max(1, steps // _WARMUP)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * min(1, step / steps))) + 0.01,
    )
    state, first, step = asked.out / "training.pt", 0, 0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        average.model.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        first, step = saved["epoch"], saved["step"]
    for epoch in range(first, asked.epochs):
        drawn, targets = epoch_texts(pool, asked, epoch)
        rows = classifier.encode(drawn)
        torch.manual_seed(asked.seed * 100 + epoch)
        classifier.train()
        running, began = 0.0, time.time()
        order = batches([len(row) for row in rows], asked.batch, np.random.default_rng((asked.seed, epoch, 1)))
        for done, chosen in enumerate(order, start=1):
            if step >= steps and asked.max_steps:
                break
            with torch.autocast("cpu", torch.bfloat16):
                logits = classifier(*padded([rows[place] for place in chosen]))
            loss = -(torch.from_numpy(targets[chosen]) * log_softmax(logits, -1)).sum(1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            _move(average, classifier, 1 - min(asked.average, (1 + step) / (10 + step)))
            running += loss.item()
            if done % 250 == 0:
                print(
                    f"epoch {epoch} {done}/{len(order)} loss {running / 250:.4f} {time.time() - began:.0f} s",
                    flush=True,
                )
                running = 0.0
        saved = {"model": model.state_dict(), "average": average.model.state_dict(), "epoch": epoch + 1, "step": step}
        saved |= {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save(saved, state)


def _move(towards: TextClassifier, other: TextClassifier, proportion: float) -> None:
    """Move weights towards another's by a proportion of the difference."""
    with torch.no_grad():
        torch._foreach_lerp_(list(towards.parameters()), list(other.parameters()), proportion)


def calibrated(classifier: TextClassifier, data: Path) -> float:
    """The temperature on dev texts of three corpora and of service dialogues, with marks and without."""
    rows = [row for corpus in ("goemotions", "emorynlp", "dailydialog") for row in texts.labelled(data, corpus, "dev")]
    weights = draw_weights(rows)
    some = [text for one in texts.service(texts.unlabelled(data), "dev").values() for text in one[:500]]
    weights = np.concatenate([weights, np.full(len(some), weights.sum() / 3 / max(1, len(some)))])
    truth = np.array([row.label for row in rows] + [_NEUTRAL] * len(some))
    words = [row.text for row in rows] + some
    logits = np.concatenate([classifier.logits(words, marks=marks) for marks in (True, False)])
    return fit_temperature(logits, np.tile(truth, 2), np.tile(weights, 2))


def arguments() -> argparse.Namespace:
    """Parse the command line; the defaults are the recipe of the checkpoint."""
    parser = argparse.ArgumentParser(description="Fine-tune a text classifier for calls.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder with the four .tsv and unlabelled.tsv.gz")
    add("--start", type=Path, required=True, help="folder of the checkpoint to start from, also of version 0.1")
    add("--out", type=Path, required=True, help="OUT/checkpoint and OUT/metrics.json are written")
    add("--epochs", type=int, default=1)
    add("--max-steps", type=int, default=0, help="stop early, for a trial; 0 = the whole run")
    add("--labelled", type=int, default=60_000, help="labelled texts in an epoch")
    add("--service", type=float, default=0.22, help="proportion of service dialogues in an epoch")
    add("--phrases", type=float, default=0.08, help="proportion of grammar phrases")
    add("--anchors", type=float, default=0.12, help="proportion of unlabelled texts with the start's probabilities")
    add("--soft", type=float, default=0.55, help="weight of the start's probabilities in the labelled texts' targets")
    add("--smoothing", type=float, default=0.1, help="label smoothing")
    add("--joined", type=float, default=0.1, help="proportion of emotional texts with a neutral one beside them")
    add("--dropped", type=float, default=0.08, help="proportion of words dropped")
    add("--swapped", type=float, default=0.04, help="proportion of words swapped")
    add("--service-pool", type=int, default=80_000, help="service texts to draw from")
    add("--anchor-pool", type=int, default=40_000, help="unlabelled texts to draw from")
    add("--batch", type=int, default=32)
    add("--rate", type=float, default=1.5e-4, help="learning rate of ALBERT")
    add("--head-rate", type=float, default=5e-4, help="learning rate of the classifier")
    add("--average", type=float, default=0.998, help="decay of the moving average of the weights")
    add("--interpolate", type=float, default=0.9, help="proportion of the new weights; the start's have the rest")
    add("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Train, interpolate with the start's weights (WiSE-FT), calibrate, write the checkpoint, and evaluate it."""
    asked = arguments()
    began = time.time()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    start, classifier, average = (load(asked.start) for _ in range(3))
    pool = gather(start, asked, np.random.default_rng(asked.seed))
    train(classifier, average, pool, asked)
    _move(average, start, 1 - asked.interpolate)
    temperature = round(calibrated(average, asked.data), 4)
    save(average, asked.out / "checkpoint", temperature)
    written = load(asked.out / "checkpoint")  # as saved, in float16
    settings: dict[str, Any] = {
        key: value if not isinstance(value, Path) else value.name for key, value in vars(asked).items()
    }
    found = evaluate(written, asked.data, temperature) | {"settings": settings, "seconds": time.time() - began}
    (asked.out / "metrics.json").write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
