"""What a batch asks of the classifiers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from stser_core.features import FeatureSettings, LogMel
from stser_core.training.clip import Clip
from stser_core.training.examples import Collator, Prepared
from stser_core.training.pairs import as_recorded

CLIP = Clip("t/1", None, "well", "neutral", "t/1", None, None, None, "t", None)


def targets(clip: Clip, smoothing: float = 0.0) -> torch.Tensor:
    """Of the text classifier."""
    prepared = Prepared(as_recorded(clip), np.zeros(0, dtype=np.float32), np.random.default_rng(0))
    return Collator(LogMel(FeatureSettings()), None, None, smoothing)([prepared])["targets"][0, 1]


def test_a_label_is_all_that_is_asked_for_where_nothing_else_is_known() -> None:
    torch.testing.assert_close(targets(CLIP), torch.tensor([0.0, 0.0, 1.0, 0.0]))
    torch.testing.assert_close(targets(CLIP, 0.1), torch.tensor([0.025, 0.025, 0.925, 0.025]))


def test_where_judges_disagree_their_shares_are_asked_for() -> None:
    divided = replace(CLIP, opinions=(0.25, 0.0, 0.75, 0.0))
    torch.testing.assert_close(targets(divided), torch.tensor([0.25, 0.0, 0.75, 0.0]))


def test_to_judge_by_the_label_holds_whatever_others_said() -> None:
    divided = replace(CLIP, label="sad", opinions=(0.5, 0.0, 0.0, 0.5))
    prepared = Prepared(as_recorded(divided), np.zeros(0, dtype=np.float32), np.random.default_rng(0))
    judged = Collator(LogMel(FeatureSettings()), None, None, opinions=False)([prepared])["targets"][0, 1]
    torch.testing.assert_close(judged, torch.tensor([0.0, 0.0, 0.0, 1.0]))
