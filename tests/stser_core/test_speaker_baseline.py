"""The running neutral baseline: causal, weighted by neutrality, the same in one call as in several."""

from copy import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from stser_core import SpeakerBaseline, SpeechInput
from stser_core.model import Stser
from stser_core.recognizer import EmotionRecognizer

GLOBAL = np.array([1.0, -2.0, 0.5], np.float32)


def learnt(turns: list[tuple[np.ndarray, float]], memory: float = 50.0) -> SpeakerBaseline:
    speaker = SpeakerBaseline()
    for frame_mean, p_neutral in turns:
        speaker.update(frame_mean, p_neutral, memory)
    return speaker


def test_past_turns_count_as_much_as_they_weigh_and_a_copy_learns_by_itself():
    assert np.array_equal(SpeakerBaseline().mean(GLOBAL, 2.0), GLOBAL), "of an unknown speaker"
    turns = list(zip(np.random.default_rng(0).standard_normal((3, 3)), (0.9, 0.1, 0.5), strict=True))
    speaker, expected = learnt(turns), (2 * GLOBAL + sum(p * mean for mean, p in turns)) / (2 + 1.5)
    np.testing.assert_allclose(speaker.mean(GLOBAL, 2.0), expected)

    other = copy(speaker)
    other.update(GLOBAL - 9, 1.0, 50.0)
    np.testing.assert_allclose(speaker.mean(GLOBAL, 2.0), expected)
    np.testing.assert_allclose(other.mean(GLOBAL, 2.0), (3.5 * expected + GLOBAL - 9) / 4.5)


def test_after_a_change_of_speaker_the_old_one_fades():
    old, new = GLOBAL + 10.0, GLOBAL - 10.0

    speaker = learnt([(old, 1.0)] * 100 + [(new, 1.0)] * 60, memory=10.0)

    assert speaker.weight == 10.0
    assert np.abs(speaker.mean(GLOBAL, 0.1) - new).mean() < 1


def test_the_baseline_is_subtracted(front_config, build):
    model = build(front_config)
    model.frame_scale.fill_(2.0)
    frames, counts, baselines = torch.randn(3, 25, 16), torch.tensor([25, 20, 10]), torch.randn(3, 16)

    known = model.encode_speech(frames, counts, baselines)[0]
    shifted = model.encode_speech(frames - baselines[:, None] + model.neutral_mean, counts)[0]

    torch.testing.assert_close(known, shifted, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def model(front_config, build) -> Stser:
    return build(front_config)


def sound(seed: int, samples: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples) * np.sin(np.arange(samples) / (300 + 100 * seed))).astype(np.float32)


CALL = [(16_000, 0, True), (9_000, 1, False), (30_000, 0, False), (1_601, 0, True), (8_000, 1, True), (12_000, 2, True)]


def call() -> list[SpeechInput]:
    """Utterances of three speakers, some of them with words."""
    speakers = [SpeakerBaseline() for _ in range(3)]
    return [
        SpeechInput(sound(seed, samples), "that is bad" if words else None, speaker=speakers[speaker])
        for seed, (samples, speaker, words) in enumerate(CALL)
    ]


def alone(recognizer: EmotionRecognizer) -> list:
    return [recognizer.score([replace(one, speaker=None)])[0] for one in call()]


def test_later_turns_of_a_speaker_are_scored_against_earlier_ones_in_one_call_or_several(model, recognizer_of):
    recognizer = recognizer_of(model)
    scores, plain = recognizer.score(call()), alone(recognizer)

    assert recognizer.uses_speaker_baseline
    for place in (0, 1, 5):  # the first turn of each speaker
        assert scores[place] == plain[place]
    for place in (2, 3, 4):
        assert scores[place].by_classifier["speech"] != plain[place].by_classifier["speech"]
    for place in (3, 4):
        assert scores[place].by_classifier["text"] == plain[place].by_classifier["text"]
        assert scores[place].by_classifier["bimodal"] != plain[place].by_classifier["bimodal"]
    for places in ((0, 1, 2, 3, 4, 5, 6), (0, 3, 6), (0, 4, 5, 6)):
        utterances = call()
        assert scores == [one for start, end in pairwise(places) for one in recognizer.score(utterances[start:end])]


def test_a_turn_weighs_what_the_speech_classifier_says_whatever_prior_was_asked_for(model, recognizer_of):
    weights = []
    for prior in ("checkpoint", None, (0.01, 0.01, 0.97, 0.01)):
        one = call()[0]
        recognizer_of(model, prior=prior, classifier="bimodal").score([one])
        weights.append(one.speaker.weight)
    (scores,) = recognizer_of(model).score([SpeechInput(sound(0, 16_000))])

    assert len(set(weights)) == 1
    assert weights[0] == pytest.approx(scores.by_classifier["speech"][2] ** 2, abs=1e-5)


def test_without_a_front_end_there_is_none(model, config, build, recognizer_of):
    plain = recognizer_of(build(config))

    assert plain.score(call()) == alone(plain)
    assert not plain.uses_speaker_baseline
    assert not recognizer_of(model, classifier="text").uses_speaker_baseline
