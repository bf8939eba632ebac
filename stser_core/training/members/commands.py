"""What `stser-train` does with `--member`, once its options are understood."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from stser_core.checkpoint import read_config, resolve
from stser_core.emotions import LABELS
from stser_core.errors import UsageError
from stser_core.features import FeatureSettings
from stser_core.recognizer import Recognizer
from stser_core.training.division import divide, refuse_doubles
from stser_core.training.evaluation import BANDS, judge, report
from stser_core.training.members import together
from stser_core.training.members.cache import EncodingCache
from stser_core.training.members.encoders import WhisperFolder
from stser_core.training.members.fitting import maker
from stser_core.training.members.judging import judge_folds
from stser_core.training.output import need_folder, need_writable, write_json
from stser_core.training.pair_evaluation import pair_report
from stser_core.training.sound_cache import SoundCache
from stser_core.training.tables import metrics_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core.encoding import Encoding
    from stser_core.training.clip import Clip
    from stser_core.training.folds import HoldOut
    from stser_core.training.members.options import Wanted
    from stser_core.training.members.settings import MemberRecipe
    from stser_core.training.plan import Plan

TEST_SUFFIX = "-test.json"


def fit_member(
    clips: Sequence[Clip],
    wanted: Wanted,
    recipe: MemberRecipe,
    hold_out: HoldOut,
    test_share: float,
    checkpoint: str,
    out: Path,
    cache: Path,
) -> None:
    """Train a member on clips, write a checkpoint that has it, and judge this on speakers that were held out.

    Args:
        clips: Where they fix their own splits, these hold. Texts without sound are joined with voices to find how
            sure the ensemble may be, and to judge it. The test part is never learnt from; training and
            validation part are, since nothing of a member's training is stopped early. A member that was trained
            on the training part alone shows on the validation part how sure it and the others may be together.
        wanted: Which member.
        recipe: How it is trained.
        hold_out: As the checkpoint's own training had it, so that the test part is the same.
        test_share: Share of clips whose speakers are held out to test; 0 for none.
        checkpoint: The checkpoint that gets it.
        out: Where the new checkpoint is written; it may be the old one.
        cache: Where decoded sound and encodings are kept.

    Raises:
        UsageError: The recipe weighs a classifier or member that the checkpoint has not.
    """
    refuse_doubles(clips)
    folder = resolve(checkpoint)
    _check_weights(recipe, folder)
    fold = divide(clips, hold_out, test_share)
    make = maker(wanted, recipe, cache)
    sounds = SoundCache.of(clips, cache, FeatureSettings())
    train, validation = ([clip for clip in part if clip.path is not None] for part in (fold.train, fold.validation))
    # Where layers are trained, another training would take as long again.
    held = None if recipe.trained_layers else make(train, sounds)
    temperatures = {} if held is None else together.temperatures(held, make, folder, fold.validation)
    make([*train, *validation], sounds).join(folder, out, temperatures)
    print(f"The checkpoint with the member {wanted.name} is in {out}.", file=sys.stderr)
    if fold.test:
        recognizer = Recognizer.load(out, accelerator="cpu")
        encode, encoders = (None, ()) if make.cache is None else (make.cache.encoding, (make.cache.encoder.name,))
        judged = judge(recognizer, fold.test, bands=BANDS, encode=encode)
        answering = recognizer.answering(encoders=encoders)
        figures = report(recognizer, judged, answering) | pair_report(recognizer, fold.test, answering, encode)
        write_json(figures, out / f"{wanted.name}{TEST_SUFFIX}")
        Console().print(metrics_table(figures))


def _check_weights(recipe: MemberRecipe, folder: Path) -> None:
    """Refuse, before anything is trained, a recipe that weighs who is not there."""
    settings, roster = read_config(folder)
    for name in recipe.weights:
        if name not in (*settings.classifiers, *roster.names):
            raise UsageError(f"The recipe's weights name {name!r}, which the checkpoint {folder.name!r} has not.")


def cross_validate_member(
    clips: Sequence[Clip],
    wanted: Wanted,
    recipe: MemberRecipe,
    plan: Plan,
    out: Path,
    cache: Path,
    json: Path | None,
    *,
    join: bool = False,
) -> None:
    """Train and judge a member in every fold that a cross-validation of the model has.

    Args:
        clips: Those without sound are left out.
        wanted: Which member.
        recipe: How it is trained.
        plan: The folds.
        out: Where a cross-validation of the model has left its runs, or an empty folder. Where a fold's checkpoint
            is there, the ensemble with the member is judged, too.
        cache: Where decoded sound and encodings are kept.
        json: Where the figures go besides.
        join: Let the folds' checkpoints keep it.
    """
    clips = [clip for clip in clips if clip.path is not None]
    refuse_doubles(clips)
    need_writable(json)
    need_folder(out)
    make = maker(wanted, recipe, cache)
    sounds = SoundCache.of(clips, cache, FeatureSettings())
    figures = judge_folds(wanted.name, make, plan, plan.folds_of(clips), sounds, out, join=join)
    everything = {
        "member": msgspec.to_builtins(wanted),
        "recipe": msgspec.to_builtins(recipe),
        "plan": msgspec.to_builtins(plan),
        "labels": LABELS,
        **figures,
    }
    write_json(everything, out / f"{wanted.name}.json")
    if json is not None:
        write_json(everything, json)
    Console(stderr=json is not None and str(json) == "-").print(metrics_table(figures))


def encoder_for(
    recognizer: Recognizer, whisper: Path | None, cache: Path
) -> tuple[Callable[[NDArray[np.float32]], Encoding] | None, tuple[str, ...]]:
    """What gives the encodings that a checkpoint's members read; says so where one of them cannot be judged.

    Args:
        recognizer: The checkpoint.
        whisper: Whisper's folder.
        cache: Where encodings are kept.

    Returns:
        What encodes sound, if anything does, and the names of the encoders that it serves.

    Raises:
        UsageError: The folder holds another encoder than any member reads.
    """
    if whisper is None:
        if recognizer.encoders:
            absent = ", ".join(sorted(set(recognizer.classifiers) - set(recognizer.answering())))
            print(f"Without --whisper DIR ({', '.join(recognizer.encoders)}), {absent} is absent.", file=sys.stderr)
        return None, ()
    encodings = EncodingCache(WhisperFolder(whisper), cache)
    if encodings.encoder.name not in recognizer.encoders:
        read = ", ".join(recognizer.encoders) or "no encoder"
        raise UsageError(f"--whisper {whisper} is {encodings.encoder.name}, but {recognizer.name} reads {read}.")
    return encodings.encoding, (encodings.encoder.name,)
