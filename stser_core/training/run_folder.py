"""What a run's folder holds, and whether it holds the run that is wanted.

recipe.json      all settings
data.json        a fingerprint of the clips that it was trained on
state/           the training state, for --resume
history.json     each epoch's metrics
checkpoint/      the best model, calibrated, with its model card
test.json        metrics on the test speakers, where some were held out
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import msgspec

from stser_core.errors import DataError, OutputError, UsageError
from stser_core.training.clip import Clip
from stser_core.training.loop import finished_epochs
from stser_core.training.output import write_atomically, write_json
from stser_core.training.recipe import Recipe

RECIPE_FILE = "recipe.json"
DATA_FILE = "data.json"
STATE_FOLDER = "state"
HISTORY_FILE = "history.json"
CHECKPOINT_FOLDER = "checkpoint"
TEST_FILE = "test.json"


def fingerprint(parts: Sequence[Sequence[Clip]], *more: object) -> str:
    """A digest of the clips of each part, with their labels and texts."""
    digest = hashlib.sha256(repr(more).encode())
    for part in parts:
        digest.update(b"\n")
        for clip in part:
            digest.update(repr(astuple(clip)).encode())
    return digest.hexdigest()


def start(folder: Path, recipe: Recipe, data: str, *, resume: bool, overwrite: bool) -> bool:
    """Make the folder ready for a run.

    Returns whether an earlier run is continued.
    """
    if resume and (folder / RECIPE_FILE).is_file():
        if not holds(folder, recipe, data):
            what = "other data" if holds(folder, recipe) else f"another recipe ({folder / RECIPE_FILE})"
            raise DataError(f"The run in {folder} has {what}; resume it as it was, or use a new folder.")
        return True
    if holds_a_run(folder) and not overwrite:
        raise UsageError(f"{folder} holds a run: give another --out, or --resume, or --overwrite to lose that run.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (STATE_FOLDER, CHECKPOINT_FOLDER):
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
        for name in (HISTORY_FILE, TEST_FILE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"The run's folder {folder} cannot be written ({error.strerror}).") from error
    write_json({"sha256": data}, folder / DATA_FILE)
    write_atomically(folder / RECIPE_FILE, recipe.to_json())
    return False


def holds(folder: Path, recipe: Recipe, data: str | None = None) -> bool:
    """Whether the folder holds a run, begun or finished, of this recipe (and these data)."""
    path = folder / RECIPE_FILE
    same = path.is_file() and path.read_bytes() == recipe.to_json()
    return same and (data is None or _data_of(folder) == data)


def holds_a_run(folder: Path) -> bool:
    """Whether the folder holds any run with at least one finished epoch."""
    return (folder / CHECKPOINT_FOLDER).is_dir() or bool(finished_epochs(folder / STATE_FOLDER))


def _data_of(folder: Path) -> str | None:
    path = folder / DATA_FILE
    try:
        found: str = msgspec.json.decode(path.read_bytes())["sha256"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None  # none was written, or not to its end
    return found
