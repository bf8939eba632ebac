"""The model card of a training run: call-like streams first, then data, protocol and calibration."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from stser_core.config import SPEECH, TEXT, CheckpointConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import format_prior
from stser_core.scores import ENSEMBLE
from stser_core.training.calibration import Calibration
from stser_core.training.clip import Clip
from stser_core.training.loop import Epoch, best_epoch
from stser_core.training.recipe import Recipe

_DATA = "## Data"
_CARD = """# {title}

An STSER checkpoint of stser-monitor: emotion (angry, happy, neutral, sad) from {inputs}.
Written by `stser-train`; add the data's licences, the limits you know of and your test results before you share it.

## Data

{data}

Training and validation share no {shared}.

## Protocol

At most {epochs} epochs of batches of {batch}, {optimizer} at {rate:g} ({schedule}), seed {seed}; of {ran} epochs
{kept} was kept. `recipe.json` of the run holds every setting.

## Validation

{metrics}

{ensemble}Calibration by temperature, on call-like streams of the validation speakers and on validation texts; expected
calibration error before and after:

{calibration}
"""


def card(
    recipe: Recipe,
    config: CheckpointConfig,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    history: Sequence[Epoch],
    calibrations: Mapping[str, Calibration],
) -> str:
    """Write the card."""
    loop = recipe.loop
    classifiers = list(config.classifiers)
    inputs = [name for name, there in ((SPEECH, config.smodel), (TEXT, config.tmodel)) if there is not None]
    return _CARD.format(
        title=" and ".join(classifiers) + " classifier" + "s" * (len(classifiers) > 1),
        inputs=" and ".join(inputs),
        data=markdown(_data_rows(train, validation)),
        shared="speaker" if not _speakers(train) & _speakers(validation) else "clip (some corpora have one speaker)",
        epochs=loop.epochs,
        batch=recipe.batch,
        optimizer=loop.optimizer,
        rate=loop.learning_rate,
        schedule=loop.schedule,
        seed=loop.seed,
        kept="the last" if loop.best_by == "last" else f"the one with the best validation {loop.best_by.upper()}",
        ran=len(history),
        metrics=markdown(_metric_rows(history[best_epoch(history, loop)], classifiers)),
        ensemble=_ensemble(config),
        calibration=markdown(
            [
                ("classifier", "temperature", "before", "after"),
                *(
                    (name, f"{one.temperature:.2f}", f"{one.before:.3f}", f"{one.after:.3f}")
                    for name, one in calibrations.items()
                ),
            ]
        ),
    )


def with_streams(text: str, report: Mapping[str, Any]) -> str:
    """A card that opens with a stream report, as `streams.stream_report` makes it."""
    tables = "\n\n".join(markdown(rows) for rows in stream_rows(report))
    section = (
        f"## Call-like streams\n\nTest speakers, turn by turn with a running speaker baseline, class prior "
        f"{format_prior(report['prior'])}; recall in percent. `stser-train evaluate --streams` makes this table.\n\n"
    )
    before, data, after = text.partition(_DATA)
    return f"{before}{section}{tables}\n\n{data}{after}"


def stream_rows(report: Mapping[str, Any]) -> list[list[tuple[str, ...]]]:
    """A stream report as tables of rows, in percent, each with a heading row first."""
    streams: list[tuple[str, ...]] = [("stream", "turns", *LABELS, "emotions", "ECE")]
    for band, kinds in report["streams"].items():
        for kind, one in kinds.items():
            recalls = [percent(one["recall"].get(label)) for label in LABELS]
            streams.append(
                (f"{kind}, {band}", f"{one['turns']:,}", *recalls, percent(one["emotions"]), percent(one["ece"]))
            )
    if laid := report.get("laid_in"):
        recalls = [percent({"neutral": laid["neutral"], **laid["recall"]}.get(label)) for label in LABELS]
        streams.append(("laid into routine calls", f"{laid['laid']:,}", *recalls, percent(laid["emotions"]), ""))
    routine: list[tuple[str, ...]] = [("routine calls", "turns", "neutral", "emotional > 0.7", "false alerts an hour")]
    for call, one in report.get("routine", {}).items():
        shares = (percent(one["neutral"]), percent(one["sure"]), f"{one['alerts_per_hour']:.1f}")
        routine.append((call, f"{one['turns']:,}", *shares))
    return [rows for rows in (streams, routine) if len(rows) > 1]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table; the first is the heading."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def percent(value: float | None) -> str:
    """A fraction of 1 in percent; a dash for none."""
    return "–" if value is None else f"{100 * value:.1f}"


def _ensemble(config: CheckpointConfig) -> str:
    """How the classifiers are combined, where that is not the plain mean."""
    said = ""
    weights = {name: config.ensemble.weights.get(name, 1.0) for name in config.classifiers}
    if len(set(weights.values())) > 1:
        said += f"Weights in the ensemble: {', '.join(f'{name} {one:g}' for name, one in weights.items())}.\n\n"
    if (fusion := config.ensemble.late_fusion) is not None:
        said += f"Late fusion: p_speech_only {fusion.p_speech_only:g}, p_text_only {fusion.p_text_only:g}.\n\n"
    if config.ensemble.class_prior is not None:
        said += f"Class prior of calls: {format_prior(config.ensemble.class_prior)}.\n\n"
    return said


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


def _metric_rows(best: Epoch, classifiers: Sequence[str]) -> list[tuple[str, ...]]:
    keys = [(name, f"{name}_") for name in classifiers] + [(ENSEMBLE, "")]
    return [
        ("classifier", "WA", "UA"),
        *((name, f"{best[key + 'wa']:.3f}", f"{best[key + 'ua']:.3f}") for name, key in keys if key + "wa" in best),
    ]
