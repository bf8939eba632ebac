"""The paper's protocol: every fold trained and evaluated, for several seeds, with baselines in the same folds.

The folder of a cross-validation:

    seed0/fold1/                 a run (see `recipe`); its test.json also says what it was made of
    baselines/tfidf/seed0-fold1.json    a baseline's metrics, and what they were made of
    results.json                 everything
"""

import hashlib
import multiprocessing
import os
import signal
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import torch
from msgspec.structs import replace

from stser_core.errors import DataError
from stser_core.training.baselines.baseline import Baseline, targets, usable
from stser_core.training.caches import BANDS, SoundCache
from stser_core.training.clip import fingerprint
from stser_core.training.evaluation import SpeechInputs, clip_report
from stser_core.training.metrics import measure
from stser_core.training.output import write_json
from stser_core.training.recipe import Recipe, RunFolder
from stser_core.training.report import Spread
from stser_core.training.routine import CallData, Channel
from stser_core.training.run import RunData, fit
from stser_core.training.splits import Fold
from stser_core.training.streams import stream_report


@dataclass(frozen=True, eq=False)
class Protocol:
    """Settings and data that all folds share."""

    recipe: Recipe  # its seed is replaced
    cache: Path  # where sound and frames are kept
    # weak clips, added to every training part; held-out calls are evaluated by every fold
    calls: CallData = field(default_factory=CallData)
    front_end: str | Path | None = None  # the front end's weights
    earlier: Path | None = None  # an earlier cross-validation, from whose checkpoints the folds start
    streams: bool = False  # whether call-like streams are evaluated
    overwrite: bool = False  # delete runs of other recipes or data


def cross_validate(
    folds: Sequence[Fold], seeds: Sequence[int], protocol: Protocol, out: Path, jobs: int = 1
) -> list[dict[str, Any]]:
    """Train and evaluate every fold with every seed, `jobs` at a time; what an earlier call finished stays.

    Gives, of each run, `seed`, `fold`, the report of `evaluation` and, if asked for, `streams`. Raises `DataError`
    where `out` holds other runs, clips are missing, or an earlier cross-validation had other folds.
    """
    run = partial(_run, protocol, out)
    every = list(product(seeds, folds))
    if jobs == 1 or len(every) == 1:
        return [run(*one) for one in every]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start_worker, (threads,)) as pool:
        try:
            return list(pool.map(run, *zip(*every, strict=True)))
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()
            print("Interrupted; the same command goes on from the last finished epochs.", file=sys.stderr)
            raise


def _start_worker(threads: int) -> None:
    """Prepare a process of the pool, which ends with its parent: a parent that is killed cannot end it.

    Ctrl-C, which a terminal sends to all, is the parent's: a worker would go on to the next fold, or break the queue.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run(protocol: Protocol, out: Path, seed: int, fold: Fold) -> dict[str, Any]:
    """Train a fold and evaluate its checkpoint on single clips and, if asked for, streams, but for what was done."""
    place = Path(f"seed{seed}", fold.name)
    recipe = replace(protocol.recipe, loop=replace(protocol.recipe.loop, seed=seed))
    data = RunData.of(fold, protocol.calls)
    starts: tuple[Path, ...] = ()
    if protocol.earlier is not None:
        earlier = RunFolder(protocol.earlier / place)
        before = earlier.data
        if before is None or before.clips != data.fingerprint().clips or not earlier.checkpoint.is_dir():
            held = f"{earlier.path} holds no finished run of the same fold"
            raise DataError(f"{held}; start from the same clips and folds.")
        starts = (earlier.checkpoint,)
    train = partial(fit, front_end=protocol.front_end, starts=starts, resume=True, overwrite=protocol.overwrite)
    checkpoint = train(data, recipe, out / place, protocol.cache)
    file = RunFolder(out / place).test_file
    results = _kept(file, fingerprint(fold.test))
    held_out = _digest(protocol.calls.held_out)
    if results.get("held_out") != held_out:
        results.pop("streams", None)
    if "classifiers" not in results or (protocol.streams and "streams" not in results):
        inputs = SpeechInputs.load(checkpoint, protocol.cache)
        if "classifiers" not in results:
            results |= clip_report(inputs, fold.test, BANDS)
        if protocol.streams:
            results |= {"streams": stream_report(inputs, fold.test, protocol.calls.held_out), "held_out": held_out}
        write_json(results, file)
    return {"seed": seed, "fold": fold.name, **results}


def _digest(channels: Sequence[Channel]) -> str:
    """A digest of the names, turns and sound of channels."""
    digest = hashlib.sha256()
    for channel in channels:
        digest.update(f"{channel.name} {channel.turns}\n".encode())
        digest.update(channel.sound.tobytes())
    return digest.hexdigest()


def _kept(path: Path | None, made_of: str) -> dict[str, Any]:
    """The results in a file, if they were made of the same; else what they are going to be made of, alone."""
    known: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path and path.is_file() else {}
    return known if known.get("made_of") == made_of else {"made_of": made_of}


def evaluate_baselines(
    baselines: Mapping[str, Baseline], folds: Sequence[Fold], seeds: Sequence[int], cache: Path, out: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Train and evaluate baselines in the same folds, one run of each for each seed; metrics in `out` are kept.

    Gives, for each baseline by its name, `runs` (seed, fold, and the metrics on what it could answer) and `summary`;
    raises `DataError` where one could answer nothing.
    """
    clips = [clip for fold in folds for part in (fold.train, fold.validation, fold.test) for clip in part]
    sounds = SoundCache(clips if baselines else (), cache)
    found = {}
    for key, one in baselines.items():
        runs = []
        for seed, fold in product(seeds, folds):
            made_of = f"{fingerprint(fold.train, fold.validation, fold.test)} {one!r}"
            path = None if out is None else out / "baselines" / key / f"seed{seed}-{fold.name}.json"
            results = _kept(path, made_of)
            if "metrics" not in results:
                chosen = usable(fold, one, sounds)
                answers = one.answer(chosen, sounds, cache, seed) if chosen.test else None
                results["metrics"] = None if answers is None else asdict(measure(targets(chosen.test), answers))
                if path is not None:
                    write_json(results, path)
            if results["metrics"] is not None:
                runs.append({"seed": seed, "fold": fold.name, **results["metrics"]})
        if not runs:
            raise DataError(f"{one.name} could answer no clip of any fold.")
        found[one.name] = {"runs": runs, "summary": {name: spread(run[name] for run in runs) for name in ("wa", "ua")}}
    return found


def spread(values: Iterable[float]) -> Spread:
    """Mean and standard deviation of one or more values; a single one has no deviation."""
    listed = list(values)
    return Spread(statistics.fmean(listed), statistics.stdev(listed) if len(listed) > 1 else 0.0)


def summary(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Spread]]:
    """WA and UA of each classifier over all runs."""
    reports = [result["classifiers"] for result in results]
    names = [name for name in reports[0] if all(name in one for one in reports)]
    return {name: {metric: spread(one[name][metric] for one in reports) for metric in ("wa", "ua")} for name in names}


def mean_streams(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mean over all runs of their stream reports, where streams were evaluated; one report or none."""
    reports = [result["streams"] for result in results if "streams" in result]
    if not reports:
        return []
    mean: dict[str, Any] = _mean_of([{**one, "seed": None} for one in reports])
    return [mean | {"checkpoint": f"mean of {len(reports)} runs", "prior": reports[0]["prior"]}]


def _mean_of(values: Sequence[Any]) -> Any:  # noqa: ANN401 (JSON)
    """The mean of numbers at the same place of nested reports; the first of other values."""
    if isinstance(values[0], dict):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _mean_of([value[key] for value in values if key in value]) for key in keys}
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return values[0]
    return sum(numbers) if all(isinstance(one, int) for one in numbers) else statistics.fmean(numbers)
