"""What the commands of `stser-train` do, once their options are understood."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.console import Console

from stser_core.errors import OutputError
from stser_core.recognizer import Recognizer
from stser_core.training.clip import Clip
from stser_core.training.evaluation import BANDS, Band, judge, report
from stser_core.training.folds import HoldOut, fixed_split, split_off
from stser_core.training.run import Data, fit
from stser_core.training.tables import metrics_table

if TYPE_CHECKING:
    from stser_core.training.settings import Recipe

TEST_FILE = "test.json"


def fit_and_test(
    clips: Sequence[Clip],
    recipe: Recipe,
    hold_out: HoldOut,
    test_share: float,
    out: Path,
    cache: Path,
    *,
    resume: bool,
) -> None:
    """Train on clips, and judge the result on speakers that it never heard, where some were held out.

    Args:
        clips: Where they fix their own splits, these hold.
        recipe: All settings.
        hold_out: How validation clips are taken out of the training part.
        test_share: Share of clips whose speakers are held out to test; 0 for none.
        out: The run's folder.
        cache: Where decoded sound is kept.
        resume: Go on where an earlier run stopped.
    """
    train, validation, test = _parts(clips, hold_out, test_share)
    checkpoint = fit(Data(train, validation), recipe, out, cache, resume=resume)
    print(f"The checkpoint is in {checkpoint}.", file=sys.stderr)
    if test:
        recognizer = Recognizer.load(checkpoint, accelerator="cpu")
        figures = report(recognizer, judge(recognizer, test, bands=BANDS))
        _write_json(figures, out / TEST_FILE)
        _show(figures)


def evaluate(
    clips: Sequence[Clip],
    checkpoint: str,
    classifier: str,
    band: Literal["wide", "telephone", "both"],
    accelerator: str,
    json: Path | None,
) -> None:
    """Judge a checkpoint and write the figures."""
    recognizer = Recognizer.load(checkpoint, classifier=classifier, accelerator=accelerator)
    bands: Sequence[Band] = BANDS if band == "both" else (band,)
    figures = report(recognizer, judge(recognizer, clips, bands=bands))
    if json is not None:
        _write_json(figures, json)
    if json is None or str(json) != "-":
        _show(figures)


def _parts(
    clips: Sequence[Clip], hold_out: HoldOut, test_share: float
) -> tuple[tuple[Clip, ...], tuple[Clip, ...], tuple[Clip, ...]]:
    """Training, validation and test clips, corpus by corpus, so that each corpus is in each part."""
    parts: tuple[list[Clip], list[Clip], list[Clip]] = ([], [], [])
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        if all(clip.split is not None for clip in own):
            (fold,) = fixed_split(own, hold_out)
            divided: tuple[tuple[Clip, ...], ...] = (fold.train, fold.validation, fold.test)
        else:
            held: tuple[Clip, ...] = ()
            if test_share:
                own_left, held = split_off(own, HoldOut("speaker", test_share, hold_out.seed))
                own = list(own_left)
            divided = (*split_off(own, hold_out), held)
        for part, some in zip(parts, divided, strict=True):
            part.extend(some)
    return tuple(parts[0]), tuple(parts[1]), tuple(parts[2])


def _show(figures: Mapping[str, Any]) -> None:
    Console(stderr=False).print(metrics_table(figures))


def _write_json(figures: Mapping[str, Any], path: Path) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    if str(path) == "-":
        sys.stdout.write(encoded.decode() + "\n")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded + b"\n")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
