"""What a run's folder holds, and whether it holds the run that is asked for.

recipe.json      what was asked for
data.json        a fingerprint of the clips that it learns from
steps/           the trainer's own state, for --resume
history.json     each epoch's figures
checkpoint/      the best model, calibrated, with its model card
test.json        its figures on clips that it never heard, where some were held out
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stser_core.errors import DataError, OutputError, UsageError
from stser_core.training.distributed import is_first
from stser_core.training.output import write_json

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.settings import Recipe

RECIPE_FILE = "recipe.json"
DATA_FILE = "data.json"
STEPS_FOLDER = "steps"
HISTORY_FILE = "history.json"
CHECKPOINT_FOLDER = "checkpoint"
TEST_FILE = "test.json"

_STEP_STATE = "trainer_state.json"


def fingerprint(parts: Sequence[Sequence[Clip]], *more: object) -> str:
    """What clips are in each part, and what they say: another fingerprint, another run.

    Args:
        parts: Training clips, validation clips, and so on, in the order from which everything is drawn.
        more: Whatever else makes a difference, in words.
    """
    digest = hashlib.sha256(repr(more).encode())
    for part in parts:
        digest.update(b"\n")
        for clip in part:
            digest.update(repr(astuple(clip)).encode())
    return digest.hexdigest()


def start(folder: Path, recipe: Recipe, data: str, *, resume: bool, overwrite: bool) -> bool:
    """Make the folder ready for a run.

    Args:
        folder: The run's.
        recipe: Of the run.
        data: The fingerprint of its data.
        resume: Go on with the run that the folder holds, if it holds one.
        overwrite: Throw away the run that the folder holds.

    Returns:
        Whether an earlier run goes on.

    Raises:
        DataError: The run to go on with has another recipe or other data.
        UsageError: The folder holds a run, and nothing says what to do with it.
        OutputError: The folder cannot be written.
    """
    if resume and (folder / RECIPE_FILE).is_file():
        _refuse_another(folder, recipe, data)
        return True
    if holds_a_run(folder) and not overwrite:
        raise UsageError(f"{folder} holds a run: give another --out, or --resume, or --overwrite to lose that run.")
    if not is_first():
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (STEPS_FOLDER, CHECKPOINT_FOLDER):
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
        for name in (HISTORY_FILE, TEST_FILE):
            (folder / name).unlink(missing_ok=True)
        write_json({"sha256": data}, folder / DATA_FILE)
        (folder / RECIPE_FILE).write_bytes(recipe.to_json())
    except OSError as error:
        raise OutputError(f"The run's folder {folder} cannot be written ({error.strerror}).") from error
    return False


def holds(folder: Path, recipe: Recipe, data: str | None = None) -> bool:
    """Whether the folder holds a run, begun or finished, of this recipe (and these data)."""
    path = folder / RECIPE_FILE
    same = path.is_file() and path.read_bytes() == recipe.to_json()
    return same and (data is None or _data_of(folder) == data)


def last_step(folder: Path) -> Path | None:
    """The trainer's state at the end of the last whole epoch, or `None` before the first."""
    states = (folder / STEPS_FOLDER).glob(f"checkpoint-*/{_STEP_STATE}")
    return max((path.parent for path in states), key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def evaluations(step: Path) -> list[dict[str, Any]]:
    """The validation figures of every epoch up to a step's."""
    history = msgspec.json.decode((step / _STEP_STATE).read_bytes())["log_history"]
    return [one for one in history if "eval_loss" in one]


def holds_a_run(folder: Path) -> bool:
    """Whether the folder holds any run, of which at least an epoch was finished."""
    return (folder / CHECKPOINT_FOLDER).is_dir() or last_step(folder) is not None


def _refuse_another(folder: Path, recipe: Recipe, data: str) -> None:
    what = "other data" if holds(folder, recipe) else f"another recipe ({folder / RECIPE_FILE})"
    if not holds(folder, recipe, data):
        raise DataError(f"The run in {folder} has {what}; resume it as it was, or use a new folder.")


def _data_of(folder: Path) -> str | None:
    path = folder / DATA_FILE
    try:
        found: str = msgspec.json.decode(path.read_bytes())["sha256"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None  # none was written, or not to its end
    return found
