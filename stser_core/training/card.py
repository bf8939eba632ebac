"""The model card of a training run: what it was made from and how, and what it gave on validation data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stser_core.emotions import LABELS
from stser_core.scores import ENSEMBLE

if TYPE_CHECKING:
    from stser_core.ensemble import Joining
    from stser_core.training.calibration import Calibration
    from stser_core.training.clip import Clip
    from stser_core.training.settings import Recipe

_CARD = """# {title}

An STSER checkpoint of stser-monitor: emotion (angry, happy, neutral, sad) from {senses}.
Written by `stser-train`; add the data's licences, the limits you know of and your test figures before you share it.

## Data

{data}

Training and validation share no {shares}.

## Protocol

At most {epochs} epochs of batches of {batch}, {optimizer} at {rate:g} ({schedule}), seed {seed}; of {ran} epochs
{kept} was kept. `recipe.json` of the run holds every setting.

## Figures on validation data

{figures}

{counts}Calibration by temperature on the same data; expected calibration error before and after:

{calibration}
"""


def card(
    recipe: Recipe,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    history: Sequence[Mapping[str, float]],
    calibrations: Mapping[str, Calibration],
) -> str:
    """Write the card.

    Args:
        recipe: Of the run.
        train: Training clips.
        validation: Validation clips.
        history: The trainer's log.
        calibrations: Of each classifier, and of the ensemble where there are several.
    """
    epochs = [one for one in history if f"eval_{recipe.best_by}" in one]
    best = max(epochs, key=lambda one: one[f"eval_{recipe.best_by}"], default={})
    classifiers = [name for name in calibrations if name != ENSEMBLE]
    return _CARD.format(
        title=" and ".join(classifiers) + " classifier" + "s" * (len(classifiers) > 1),
        senses=" and ".join(_senses(classifiers)),
        data=_table(_data_rows(train, validation)),
        shares="speaker" if not _speakers(train) & _speakers(validation) else "clip (but speakers, as was asked for)",
        epochs=recipe.epochs,
        batch=recipe.batch,
        optimizer=recipe.optimizer,
        rate=recipe.learning_rate,
        schedule=recipe.schedule,
        seed=recipe.seed,
        kept="the last" if recipe.best_by == "last" else f"the one with the best validation {recipe.best_by.upper()}",
        ran=len(epochs),
        figures=_table(_figure_rows(best, classifiers)),
        counts=_counts(recipe.weights, classifiers) + _joining(recipe.joining, classifiers),
        calibration=_table(
            [
                ("classifier", "temperature", "before", "after"),
                *(
                    (name, f"{one.temperature:.2f}", f"{one.before:.3f}", f"{one.after:.3f}")
                    for name, one in calibrations.items()
                ),
            ]
        ),
    )


def _senses(classifiers: Sequence[str]) -> list[str]:
    heard = [name for name in ("speech", "text") if name in classifiers or "bimodal" in classifiers]
    return heard or ["speech"]


def _counts(weights: Mapping[str, float], classifiers: Sequence[str]) -> str:
    """How much each counts in the ensemble, where they do not count alike."""
    counts = {name: weights.get(name, 1.0) for name in classifiers}
    if len(set(counts.values())) == 1:
        return ""
    heaviest_first = sorted(counts.items(), key=lambda one: -one[1])
    listed = ", ".join(f"{name} {count:g}" for name, count in heaviest_first)
    return f"In the ensemble they count: {listed}.\n\n"


def _joining(joining: Joining | None, classifiers: Sequence[str]) -> str:
    """How voice and words go together, where they are joined."""
    if joining is None or not {"speech", "text"} <= set(classifiers):
        return ""
    return (
        f"Voice and words are joined by Bayes' rule: text_neutral {joining.text_neutral:g}, "
        f"voice_neutral {joining.voice_neutral:g}.\n\n"
    )


def _speakers(clips: Sequence[Clip]) -> set[str]:
    return {clip.speaker for clip in clips}


def _data_rows(train: Sequence[Clip], validation: Sequence[Clip]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("corpus", "part", "clips", "speakers", *LABELS)]
    for part, clips in (("training", train), ("validation", validation)):
        by_corpus: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            by_corpus[clip.corpus].append(clip)
        for corpus in sorted(by_corpus):
            labels = Counter(clip.label for clip in by_corpus[corpus])
            speakers = f"{len(_speakers(by_corpus[corpus])):,}"
            counts = (f"{labels[label]:,}" for label in LABELS)
            rows.append((corpus, part, f"{len(by_corpus[corpus]):,}", speakers, *counts))
    return rows


def _figure_rows(best: Mapping[str, float], classifiers: Sequence[str]) -> list[tuple[str, ...]]:
    keys = [(name, f"eval_{name}_") for name in classifiers] + [(ENSEMBLE, "eval_")]
    return [
        ("classifier", "WA", "UA"),
        *((name, f"{best[key + 'wa']:.3f}", f"{best[key + 'ua']:.3f}") for name, key in keys if key + "wa" in best),
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])
