"""The files of a run's folder, and checks that it contains a given run.

recipe.json      all settings
data.json        digests of the clips that it was trained on, and of the checkpoints that it started from
state/           the training state, for --resume
history.json     each epoch's metrics
checkpoint/      the best model, calibrated, with its model card
test.json        metrics on the test clips, where some were held out
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import msgspec

from stser_core.errors import DataError, OutputError, UsageError
from stser_core.training.clip import Clip
from stser_core.training.loop import LoopConfig, ended, finished_epochs
from stser_core.training.output import write_atomically, write_json
from stser_core.training.recipe import Recipe


def fingerprint(*parts: Sequence[Clip]) -> str:
    """A digest of the clips of each part, with their labels and texts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"\n")
        for clip in part:
            digest.update(repr(astuple(clip)).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class DataDigest:
    """Digests of the clips that a run was trained on, and of the checkpoints that it started from."""

    clips: str
    starts: tuple[str, ...] = ()


class RunFolder:
    """The folder of a run, which need not exist yet; its files are described above."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state, self.checkpoint = path / "state", path / "checkpoint"
        self.history_file, self.test_file = path / "history.json", path / "test.json"
        self._recipe, self._data = path / "recipe.json", path / "data.json"

    @property
    def data(self) -> DataDigest | None:
        """The digests of its data; `None` where they were not written completely."""
        try:
            return msgspec.json.decode(self._data.read_bytes(), type=DataDigest)
        except (OSError, msgspec.DecodeError):
            return None

    def is_finished(self, loop: LoopConfig) -> bool:
        """Whether training is complete."""
        return self.checkpoint.is_dir() and ended(finished_epochs(self.state), loop)

    def start(self, recipe: Recipe, data: DataDigest, *, resume: bool, overwrite: bool) -> bool:
        """Make the folder ready for a run, and tell whether an earlier run is continued.

        `resume` continues the run that is there, if it is this one; `overwrite` deletes it, unless it is continued.

        Raises:
            DataError: The run that is there has another recipe or other data, so that it cannot be resumed.
            UsageError: There is a run, and nothing was said of it.
            OutputError: The folder cannot be written.
        """
        same_recipe = self._recipe.is_file() and self._recipe.read_bytes() == recipe.to_json()
        if resume and same_recipe and self.data == data:
            return True
        if resume and self._recipe.is_file() and not overwrite:
            what = "other data" if same_recipe else f"another recipe ({self._recipe})"
            raise DataError(f"The run in {self.path} has {what}; give another --out, or --overwrite it.")
        if self._holds_a_run() and not overwrite:
            raise UsageError(
                f"{self.path} holds a run: give another --out, or --resume, or --overwrite to lose that run."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self.state, self.checkpoint):
                if folder.is_dir():
                    shutil.rmtree(folder)
            for file in (self.history_file, self.test_file):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"The run's folder {self.path} cannot be written ({error.strerror}).") from error
        write_json(data, self._data)
        write_atomically(self._recipe, recipe.to_json())
        return False

    def _holds_a_run(self) -> bool:
        """Whether it holds any run with at least one finished epoch."""
        return self.checkpoint.is_dir() or bool(finished_epochs(self.state))
