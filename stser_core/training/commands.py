"""What the commands of `stser-train` do, once their options are understood."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from stser_core.checkpoint import CARD_FILE
from stser_core.config import FeatureConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import Prior, parse_prior
from stser_core.errors import UsageError
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput
from stser_core.training import cross_validation
from stser_core.training.baselines import Baseline, baseline_of
from stser_core.training.card import with_streams
from stser_core.training.clip import Clip
from stser_core.training.cross_validation import Extra
from stser_core.training.evaluation import baseline_modes, predict, report
from stser_core.training.further import WantedEncoder, add_classifier
from stser_core.training.options import CallData
from stser_core.training.output import need_folder, need_writable, write_atomically, write_json
from stser_core.training.pair_evaluation import pair_report
from stser_core.training.published import TABLE_1, TABLE_2
from stser_core.training.recipe import Recipe
from stser_core.training.routine import Channel, read_calls
from stser_core.training.run import RunData, fit
from stser_core.training.run_folder import TEST_FILE
from stser_core.training.sound_cache import SoundCache
from stser_core.training.speech_inputs import BANDS, Band, SpeechInputs
from stser_core.training.splits import Fold, FoldPlan, HoldOut, divide, refuse_duplicates
from stser_core.training.streams import stream_report
from stser_core.training.tables import cross_validation_table, metrics_table, stream_tables
from stser_core.training.transcripts import Words, need_recognisers

RESULTS_FILE = "results.json"
BASELINES_FOLDER = "baselines"

_MOST_SERVICE = 5_000


def fit_and_test(
    clips: Sequence[Clip],
    calls: CallData,
    recipe: Recipe,
    hold_out: HoldOut,
    test: float,
    out: Path,
    cache: Path,
    *,
    front_end: Path | None = None,
    starts: Sequence[Path] = (),
    resume: bool,
    overwrite: bool = False,
) -> None:
    """Train on clips, and evaluate on the test speakers, where there are some.

    `test`: Proportion of clips whose speakers are held out to test; 0 for none.
    """
    refuse_duplicates(clips)
    fold = divide(clips, hold_out, test)
    reads = any(clip.text for clip in clips)
    train = fold.train + tuple(clip for clip in calls.train if clip.path is not None or reads)
    data = RunData(train, fold.validation + (calls.validation if reads else ()), calls.pauses)
    checkpoint = fit(data, recipe, out, cache, front_end=front_end, starts=starts, resume=resume, overwrite=overwrite)
    print(f"The checkpoint is in {checkpoint}.", file=sys.stderr)
    if not fold.test:
        return
    inputs = SpeechInputs(EmotionRecognizer.load(checkpoint, prior=None))
    results = _single_clips(inputs, fold.test, BANDS) | _service(inputs.recognizer, calls.test)
    tables = [metrics_table(results)]
    inputs.recognizer = EmotionRecognizer.load(checkpoint)
    streams = stream_report(inputs, fold.test, calls.held_out)
    if streams["streams"] or "routine" in streams:
        results["streams"] = streams
        tables = [*stream_tables(streams), *tables]
        card = checkpoint / CARD_FILE
        write_atomically(card, with_streams(card.read_text(encoding="utf-8"), streams).encode())
    write_json(results, out / TEST_FILE)
    for table in tables:
        _print_table(table, None)


def fit_encoder(
    clips: Sequence[Clip], encoder: str, recipe: Recipe, hold_out: HoldOut, checkpoint: str, out: Path, cache: Path
) -> None:
    """Train a classifier over a further encoder, and write the checkpoint that has it."""
    refuse_duplicates(clips)
    wanted = WantedEncoder.parse(encoder)
    written = add_classifier(divide(clips, hold_out), wanted, recipe, checkpoint, out, cache)
    print(f"The checkpoint is in {written}.", file=sys.stderr)


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A checkpoint, and what it is evaluated on."""

    checkpoint: str
    classifier: str
    accelerator: str
    clips: tuple[Clip, ...]
    calls: CallData

    def recognizer(self, prior: Prior | Literal["checkpoint"] | None) -> EmotionRecognizer:
        """Load the checkpoint."""
        return EmotionRecognizer.load(
            self.checkpoint, classifier=self.classifier, accelerator=self.accelerator, prior=prior
        )


def evaluate(given: Evaluated, band: Literal["wide", "telephone", "both"], json: Path | None) -> None:
    """Evaluate single clips, without a class prior."""
    refuse_duplicates(given.clips)
    need_writable(json)
    inputs = SpeechInputs(given.recognizer(None))
    bands: Sequence[Band] = BANDS if band == "both" else (band,)
    results = _single_clips(inputs, given.clips, bands) | _service(inputs.recognizer, given.calls.test)
    if json is not None:
        write_json(results, json)
    _print_table(metrics_table(results), json)


def evaluate_streams(
    given: Evaluated, held_out: Sequence[str], routine: Path | None, prior: str, seed: int, json: Path | None
) -> None:
    """Evaluate call-like streams and routine calls: those that are held out, or all where none is named."""
    refuse_duplicates(given.clips)
    need_writable(json)
    if not given.clips and routine is None:
        raise UsageError("--streams needs --corpus and --data, or --routine FOLDER.")
    recognizer = given.recognizer("checkpoint" if prior == "checkpoint" else parse_prior(prior))
    channels: Sequence[Channel] = given.calls.held_out
    if routine is not None and not held_out:
        channels, _ = read_calls(routine)
    results = stream_report(SpeechInputs(recognizer), given.clips, channels, seed=seed)
    if json is not None:
        write_json(results, json)
    for table in stream_tables(results):
        _print_table(table, json)


def cross_validate(
    clips: Sequence[Clip],
    calls: CallData,
    recipe: Recipe,
    plan: FoldPlan,
    words: Words,
    baselines: Sequence[str],
    out: Path,
    cache: Path,
    json: Path | None,
    *,
    front_end: Path | None = None,
    earlier: Path | None = None,
    streams: bool = False,
    jobs: int = 1,
    overwrite: bool = False,
) -> None:
    """Train and evaluate every fold, print the table, and leave everything in `out`."""
    refuse_duplicates(clips)
    chosen = {name.lower(): baseline_of(name) for name in baselines}
    need_writable(json)
    need_folder(out)
    need_recognisers(words)
    folds = plan.folds_of(clips)
    extra = Extra(calls.train, calls.pauses, calls.held_out, front_end, streams)
    results = cross_validation.cross_validate(
        folds, recipe, plan.seeds, out, cache, words, extra, earlier, jobs=jobs, overwrite=overwrite
    )
    ours = {source: cross_validation.summary(results, source) for source in words.sources}
    beside = _baselines(chosen, folds, plan, recipe.model.features, cache, out)
    everything = {
        "recipe": msgspec.to_builtins(recipe),
        "plan": msgspec.to_builtins(plan),
        "labels": LABELS,
        "runs": results,
        "summary": ours,
        "baselines": beside,
        "published": {"table 1": dict(TABLE_1), "table 2": dict(TABLE_2)},
    }
    write_json(everything, out / RESULTS_FILE)
    if json is not None:
        write_json(everything, json)
    _print_table(cross_validation_table(plan.described(folds), ours, _summaries(beside)), json)
    for mean in cross_validation.mean_streams(results):
        for table in stream_tables(mean):
            _print_table(table, json)


def baseline(
    clips: Sequence[Clip], plan: FoldPlan, names: Sequence[str], features: FeatureConfig, cache: Path, json: Path | None
) -> None:
    """Evaluate baselines alone, in the folds that `cross_validate` would use."""
    refuse_duplicates(clips)
    chosen = {name.lower(): baseline_of(name) for name in names}
    need_writable(json)
    folds = plan.folds_of(clips)
    beside = _baselines(chosen, folds, plan, features, cache, None)
    if json is not None:
        write_json({"plan": msgspec.to_builtins(plan), "labels": LABELS, "baselines": beside}, json)
    _print_table(cross_validation_table(plan.described(folds), {}, _summaries(beside)), json)


def _single_clips(inputs: SpeechInputs, clips: Sequence[Clip], bands: Sequence[Band]) -> dict[str, Any]:
    found = predict(inputs, clips, bands=bands, baselines=baseline_modes(inputs.recognizer))
    return report(inputs.recognizer, found) | pair_report(inputs, clips)


def _service(recognizer: EmotionRecognizer, texts: Sequence[Clip]) -> dict[str, Any]:
    """`service`: the number of service texts, and the proportion that is called neutral."""
    if not texts or not recognizer.needs_text:
        return {}
    silence = np.zeros(0, dtype=np.float32)
    scored = recognizer.score([SpeechInput(silence, clip.text) for clip in texts[:_MOST_SERVICE]])
    neutral = [one.emotion == "neutral" for one in scored if one is not None]
    return {"service": {"n": len(neutral), "neutral": float(np.mean(neutral))}} if neutral else {}


def _baselines(
    chosen: Mapping[str, Baseline],
    folds: Sequence[Fold],
    plan: FoldPlan,
    features: FeatureConfig,
    cache: Path,
    out: Path | None,
) -> dict[str, dict[str, Any]]:
    """Each baseline's metrics by its name; those that `out` keeps from an earlier call are not made again."""
    if not chosen:
        return {}
    clips = [clip for fold in folds for part in (fold.train, fold.validation, fold.test) for clip in part]
    sounds = SoundCache(clips, cache, features)
    beside: dict[str, dict[str, Any]] = {}
    for key, one in chosen.items():
        store = None if out is None else out / BASELINES_FOLDER / f"{key}.json"
        runs = [
            run
            for seed in plan.seeds
            for run in cross_validation.evaluate_baseline(
                one, folds, sounds, cache, seed, store=store, described=repr((one, features))
            )
        ]
        spread = {metric: cross_validation.Spread.of(run[metric] for run in runs) for metric in ("wa", "ua")}
        beside[one.name] = {"runs": runs, "summary": spread}
    return beside


def _summaries(beside: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, cross_validation.Spread]]:
    return {name: one["summary"] for name, one in beside.items()}


def _print_table(table: Table, json: Path | None) -> None:
    """On standard output, unless the results go there."""
    Console(stderr=json is not None and str(json) == "-").print(table)
