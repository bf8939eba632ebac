"""An epoch's batches: who is drawn how often, and that nothing but seed and epoch decides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import EvalPrediction

from stser_core.ensemble import Ensemble
from stser_core.training.batches import LengthBatches, draw_weights
from stser_core.training.clip import Clip
from stser_core.training.trainer import _EpochOf, figures


def clip(number: int, corpus: str, label: str) -> Clip:
    return Clip(f"{corpus}/{number}", Path(f"{number}.wav"), None, label, "s", None, None, None, corpus, None)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5))
def test_equal_weights_draw_each_clip_at_most_once(clips: int, batch: int, epoch: int) -> None:
    batches = LengthBatches(list(range(clips)), [1.0] * clips, batch, seed=0)
    batches.set_epoch(epoch)
    drawn = [draw for one in batches for draw in one]
    assert len({draw.position for draw in drawn}) == len(drawn) == len(batches) * batches.batch_size
    assert {draw.epoch for draw in drawn} == {epoch}


def test_the_longest_clips_are_drawn_as_often_as_others() -> None:
    batches = LengthBatches(list(range(60)), [1.0] * 60, 32, seed=0)  # more than one batch, less than two
    drawn: Counter[int] = Counter()
    for epoch in range(200):
        batches.set_epoch(epoch)
        drawn.update(draw.position for one in batches for draw in one)
    assert min(drawn.values()) > 0.7 * 200 * 32 / 60 and len(drawn) == 60


def test_weights_say_how_often() -> None:
    batches = LengthBatches([1] * 90, [2.0] * 30 + [0.5] * 60, 10, seed=0)
    drawn = Counter(draw.position < 30 for one in batches for draw in one)
    assert drawn[True] == pytest.approx(60, abs=1)


def test_batches_are_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(10_000, 100_000, 960).tolist()
    spread = [
        max(lengths[draw.position] for draw in one) / min(lengths[draw.position] for draw in one)
        for one in LengthBatches(lengths, [1.0] * 960, 32, seed=0)
    ]
    assert np.median(spread) < 1.3


def test_epochs_differ_and_seeds_repeat() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = LengthBatches(list(range(100)), [1.0] * 100, 10, seed)
        batches.set_epoch(epoch)
        return [[draw.position for draw in one] for one in batches]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_balanced_labels_weigh_the_same_in_each_corpus() -> None:
    clips = [clip(n, "a", "angry" if n < 10 else "sad") for n in range(100)]
    weights = draw_weights(clips, balance_labels=True, balance_corpora=1.0)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum())
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(("power", "share"), [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)])
def test_corpora_are_drawn_by_a_power_of_their_size(power: float, share: float) -> None:
    clips = [clip(n, "large" if n < 90 else "small", "sad") for n in range(100)]
    weights = draw_weights(clips, balance_labels=False, balance_corpora=power)
    assert weights[:90].sum() / 100 == pytest.approx(share)


def test_whatever_trains_says_which_epoch_begins() -> None:
    batches = LengthBatches(list(range(100)), [1.0] * 100, 10, seed=0)
    state = TrainerState()
    for epoch in (0, 1, 2):
        state.epoch = float(epoch)
        _EpochOf(batches).on_epoch_begin(TrainingArguments("unused"), state, TrainerControl())
        assert {draw.epoch for one in batches for draw in one} == {epoch}


def test_the_ensemble_is_judged_by_what_is_right_for_voice_and_words() -> None:
    # An angry voice and neutral words: whoever hears and reads both is to say angry.
    angry, neutral = np.eye(4, dtype=np.float32)[[0, 2]]
    targets = np.tile(np.stack([angry, neutral, angry]), (3, 1, 1))
    logits = (np.tile(20 * angry, (3, 1)), np.tile(10 * neutral, (3, 1)))
    prediction = EvalPrediction(logits, (targets, np.ones((3, 3), np.float32)))
    found = figures(prediction, ("speech", "text"), Ensemble({"speech": 2.0}))
    assert (found["speech_wa"], found["text_wa"], found["wa"]) == (1, 1, 1)
