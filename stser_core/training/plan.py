"""Which folds a cross-validation has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stser_core.training import folds as makers
from stser_core.training.folds import Fold, HoldOut, HoldOutBy

if TYPE_CHECKING:
    from stser_core.training.clip import Clip


@dataclass(frozen=True)
class Plan:
    """Folds, seeds and hold-out of a cross-validation.

    Attributes:
        leave_out: What each fold tests: a `session`, a group of `speakers`, a `corpus`; `auto` takes sessions where
            there are some.
        folds: How many, when speakers are left out.
        seeds: One run of each fold for each.
        validation_by: What is held out of each training part to validate with.
        validation_share: How much of it.
    """

    leave_out: Literal["auto", "session", "speakers", "corpus"] = "auto"
    folds: int = 5
    seeds: tuple[int, ...] = (0,)
    validation_by: HoldOutBy = "speaker"
    validation_share: float = 0.2

    def folds_of(self, clips: Sequence[Clip]) -> list[Fold]:
        """Make the folds.

        Raises:
            DataError: The clips do not allow them, or a speaker would be on two sides.
        """
        hold_out = HoldOut(self.validation_by, self.validation_share)
        match self.leave_out:
            case "session":
                return makers.leave_one_session_out(clips, hold_out)
            case "speakers":
                return makers.grouped_by_speaker(clips, hold_out, self.folds)
            case "corpus":
                return makers.leave_one_corpus_out(clips, hold_out)
            case _:
                return makers.cross_validation(clips, hold_out, self.folds)

    def described(self, folds: Sequence[Fold]) -> str:
        """A few words for a table's title."""
        clips = sum(len(fold.test) for fold in folds)
        return f"{len(folds)} folds × {len(self.seeds)} seeds, {clips:,} clips"
