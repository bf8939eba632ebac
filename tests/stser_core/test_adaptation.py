"""Getting used to a voice: what is taken off, from when on, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from stser_core.adaptation import MEMORY, Voice, shift
from stser_core.checkpoint import Checkpoint
from stser_core.recognizer import Recognizer
from stser_core.score_batches import LIMITS
from stser_core.scores import Spoken

USUAL = torch.tensor([1.0, -2.0, 0.5])
READER = "smodel"


def heard(voice: Voice, *vectors: torch.Tensor) -> list[torch.Tensor]:
    return [voice.adapted(READER, vector, USUAL) for vector in vectors]


def test_a_first_utterance_is_taken_as_it_is():
    vector = torch.tensor([3.0, 3.0, 3.0])
    assert torch.equal(heard(Voice(), vector)[0], vector)


def test_what_was_heard_before_is_taken_off_the_more_the_more_it_was():
    said = torch.randn(6, 3)
    for number, got in enumerate(heard(Voice(), *said)):
        share = number / (number + 1)
        mean = said[:number].mean(dim=0) if number else USUAL
        torch.testing.assert_close(got, said[number] - share * (mean - USUAL))
        torch.testing.assert_close(got, said[number] - shift(mean, number, USUAL))


def test_a_voice_like_all_others_changes_nothing():
    voice = Voice()
    heard(voice, *[USUAL] * 5)
    vector = torch.tensor([0.0, 1.0, 2.0])
    torch.testing.assert_close(heard(voice, vector)[0], vector)


def test_readers_know_nothing_of_each_other():
    voice = Voice()
    heard(voice, *torch.randn(4, 3))
    longer = torch.randn(7)
    assert torch.equal(voice.adapted("whisper", longer, torch.zeros(7)), longer)


def test_a_copy_learns_by_itself():
    voice = Voice()
    heard(voice, torch.tensor([9.0, 9.0, 9.0]))
    other = voice.copy()
    vector = torch.tensor([1.0, 2.0, 3.0])

    expected = heard(other.copy(), vector)[0]
    heard(other, *torch.randn(8, 3))

    assert torch.equal(heard(voice, vector)[0], expected)


def test_who_only_looks_on_knows_what_the_voice_knows_and_adds_nothing():
    voice, usual = Voice(), torch.zeros(3)
    looking = voice.unchanged()
    first, second = torch.randn(2, 3)
    heard(voice, first)

    expected = voice.copy().adapted("smodel", second, usual)

    for _ in range(2):
        assert torch.equal(looking.adapted("smodel", second, usual), expected)
    assert torch.equal(voice.copy().adapted("smodel", second, usual), expected)


def test_after_a_change_of_voice_the_old_one_fades():
    """As when another person takes the telephone."""
    voice, old, new = Voice(), USUAL + 10.0, USUAL - 10.0
    heard(voice, *[old] * 10 * MEMORY)

    first, *_, last = heard(voice, *[new] * 6 * MEMORY)

    assert (first - USUAL).abs().mean() > 19
    assert (last - USUAL).abs().mean() < 1


@pytest.fixture(scope="module")
def loaded(settings, build, tokenizer) -> Checkpoint:
    model = build(replace(settings, speaker_adaptation=True))
    torch.manual_seed(0)
    model.usual_voice.copy_(torch.randn(len(model.usual_voice)) / 10)
    return Checkpoint("tiny", model, tokenizer)


@pytest.fixture(scope="module")
def recognizer(loaded) -> Recognizer:
    return Recognizer(loaded, accelerator="cpu")


def sound(seed: int, samples: int) -> np.ndarray:
    dice = np.random.default_rng(seed)
    return (0.1 * dice.standard_normal(samples) * np.sin(np.arange(samples) / (300 + 100 * seed))).astype(np.float32)


def call(lengths: list[tuple[int, int, bool]]) -> list[Spoken]:
    """Utterances of three channels, some of them with words."""
    voices = [Voice() for _ in range(3)]
    return [
        Spoken(sound(seed, samples), "that is bad" if words else None, voice=voices[channel])
        for seed, (samples, channel, words) in enumerate(lengths)
    ]


CALL = [(16_000, 0, True), (9_000, 1, False), (30_000, 0, False), (1_601, 0, True), (8_000, 1, True), (12_000, 2, True)]


def test_a_recognizer_gets_used_to_voices(recognizer):
    scores = recognizer.score(call(CALL))
    alone = [recognizer.score([replace(one, voice=None)])[0] for one in call(CALL)]

    assert recognizer.adapts
    for place in (0, 1, 5):  # the first of each voice
        assert scores[place] == alone[place]
    for place in (2, 3, 4):
        assert scores[place].by_classifier["speech"] != pytest.approx(alone[place].by_classifier["speech"], abs=1e-4)
    for place in (3, 4):
        assert scores[place].by_classifier["text"] == alone[place].by_classifier["text"]
        assert scores[place].by_classifier["bimodal"] != pytest.approx(alone[place].by_classifier["bimodal"], abs=1e-4)


PIECES = st.lists(st.tuples(st.integers(1_600, 20_000), st.integers(0, 2), st.booleans()), min_size=1, max_size=7)


@given(said=PIECES, cuts=st.sets(st.integers(1, 6)))
@examples(max_examples=15, deadline=None)
def test_it_makes_no_difference_which_utterances_waited_together(recognizer, said, cuts):
    together = recognizer.score(call(said))
    utterances, places = call(said), sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})

    apart = [scores for start, end in pairwise(places) for scores in recognizer.score(utterances[start:end])]

    assert apart == together


def test_real_batches_get_used_to_voices_in_the_order_in_which_they_were_heard(recognizer, monkeypatch):
    """As on an accelerator, where the longest utterances are encoded first."""
    alone = recognizer.score(call(CALL))
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    for got, wanted in zip(recognizer.score(call(CALL)), alone, strict=True):
        assert got.ensemble == pytest.approx(wanted.ensemble, abs=1e-5)


def test_it_can_be_switched_off(loaded, recognizer):
    alone = [recognizer.score([replace(one, voice=None)])[0] for one in call(CALL)]
    switched_off = Recognizer(loaded, accelerator="cpu", adapt=False)

    assert switched_off.score(call(CALL)) == alone
    assert not switched_off.adapts


def test_a_checkpoint_that_was_not_trained_for_it_judges_each_utterance_by_itself(settings, build, tokenizer):
    plain = Recognizer(Checkpoint("tiny", build(settings), tokenizer), accelerator="cpu")

    assert plain.score(call(CALL)) == [plain.score([one])[0] for one in call(CALL)]
    assert not plain.adapts


def test_a_recognizer_that_reads_only_has_no_voice_to_get_used_to(loaded):
    assert not Recognizer(loaded, classifier="text", accelerator="cpu").adapts
