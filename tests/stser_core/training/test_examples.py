"""Training examples: how often each clip is drawn, in which pairs and with which mistakes, and with whose baseline."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import clip
from test_caches import model

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.augmentation import Augmentation, change_words
from stser_core.training.caches import WIDE, FrameCache
from stser_core.training.examples import VALIDATION, Examples, SpeechSource, draw_weights, length_batches
from stser_core.training.pairs import Pairing, PairMixture, as_recorded

SPEECH = clip(1, label="angry")
NEUTRAL = replace(SPEECH, label="neutral")
TEXTS = [clip(label, path=None, text=f"words {label}", label=label) for label in LABELS]


def rng(*seed):
    return np.random.default_rng(seed)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5))
def test_equal_weights_draw_each_clip_at_most_once(clips, size, epoch):
    size = min(size, clips)
    drawn = np.concatenate(length_batches(np.arange(clips), np.ones(clips), size, rng(0, epoch)))
    assert len(set(drawn.tolist())) == len(drawn) == clips // size * size


def test_labels_and_corpora_are_balanced_and_weak_clips_are_their_proportion():
    clips = [clip(n, label="angry" if n < 10 else "sad", corpus="large" if n < 90 else "small") for n in range(100)]
    weights = draw_weights(clips[:90], balance_labels=True, balance_corpora=1.0)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum()) and weights.mean() == pytest.approx(1.0)
    for power, proportion in ((1.0, 0.9), (0.5, 0.75), (0.0, 0.5)):
        weights = draw_weights(clips, balance_labels=False, balance_corpora=power)
        assert weights[:90].sum() / 100 == pytest.approx(proportion)
    weak = {"label": "neutral", "weak": True}
    calls = [clip(n, corpus="routine", **weak) for n in range(300)]
    texts = [clip(n, corpus="sgd", path=None, text="hello", **weak) for n in range(1_000)]
    settings = {"balance_labels": True, "balance_corpora": 0.5, "weak": (0.06, 0.2)}
    weights = draw_weights([*clips, *calls, *texts], **settings)
    parts = weights[:100].sum(), weights[100:400].sum(), weights[400:].sum()
    assert np.array(parts) / weights.sum() == pytest.approx([0.74, 0.06, 0.2])
    assert sum(map(len, length_batches(np.ones(1_400), weights, 5, rng(0)))) == 135


def test_targets_are_what_annotators_said_in_training_and_the_label_in_validation():
    split = clip(1, label="angry", path=None, text="oh", label_distribution=(0.6, 0.0, 0.4, 0.0))
    examples = Examples([split], None, None)
    assert examples.batch([0], 0)["targets"][0, 1].tolist() == pytest.approx([0.6, 0.0, 0.4, 0.0])
    hard = examples.batch([0], VALIDATION)
    assert hard["targets"][0, 1].tolist() == [1, 0, 0, 0] and hard["weights"][0].tolist() == [0, 1, 0]


def test_transcribers_mistakes_have_their_rates_and_leave_a_word():
    mistakes = Augmentation(dropped_words=0.2, swapped_words=0.1)
    made = change_words(" ".join(["own"] * 4_000), mistakes, ["other"], rng(0))
    assert len(made.split()) == pytest.approx(3_200, rel=0.05)
    assert made.split().count("other") == pytest.approx(400, rel=0.2)
    assert change_words("hello there", Augmentation(dropped_words=1.0), [], rng(0)) == "hello"
    assert change_words("hello there", Augmentation(), ["other"], rng(0)) == "hello there"
    made = {change_words("Oh! Really?", Augmentation(dropped_marks=0.5), [], rng(n)) for n in range(40)}
    assert made == {"Oh! Really?", "oh really"}


@pytest.mark.parametrize("label", LABELS)
def test_every_kind_of_pair_says_what_is_right(label):
    pairing, generator = Pairing(TEXTS, PairMixture()), rng(0)
    kinds = Counter()
    for example in (pairing.pair(replace(SPEECH, label=label), generator) for _ in range(1_000)):
        kinds[example.kind] += 1
        said = None if example.text is None else example.text.split()[-1]
        expected = {
            "agreeing": (label, label, label),
            "neutral_text": ("neutral", "neutral", label),
            "neutral_speech": (said if label == "neutral" != said else "", said, said),
            "empty_text": (None, None, None),
            "garbled_text": (said or "", None, label),
        }
        assert (said, *example.labels[1:]) == expected[example.kind] and example.labels[0] == label
    other = "neutral_speech" if label == "neutral" else "neutral_text"
    assert (kinds["agreeing"], kinds[other]) == (pytest.approx(533, abs=60), pytest.approx(333, abs=60))
    assert as_recorded(replace(SPEECH, text="hello")).labels == ("angry",) * 3
    assert as_recorded(SPEECH).labels == ("angry", None, None)


@pytest.mark.parametrize(
    ("known", "mixture", "complaint"),
    [
        ("happy neutral sad", PairMixture(), "No text is labelled angry, as agreeing pairs need"),
        ("angry", PairMixture(0, 1, 0, 0, 1), "No text is labelled neutral, as neutral_text pairs need"),
        ("neutral", PairMixture(0, 1, 0, 0, 1), "No text is labelled with an emotion"),
        ("", PairMixture(0, 0, 1, 0, 0), "to draw garbled words from"),
        ("angry neutral", PairMixture(0, 0, 0, 0, 0), "has no kind of pair for clips labelled angry"),
    ],
)
def test_what_the_mixture_lacks_is_said_before_anything_is_paired(known, mixture, complaint):
    with pytest.raises(DataError, match=complaint):
        Pairing([text for text in TEXTS if text.label in known.split()], mixture)


def test_only_texts_that_are_there_are_drawn_and_service_texts_are_their_proportion():
    few = Pairing([TEXTS[2], TEXTS[3]], PairMixture(), {"sad", "neutral"})
    generator = rng(0)
    assert {few.pair(NEUTRAL, generator).labels[1] for _ in range(500)} == {"sad", "neutral", None}
    service = clip("sgd", path=None, text="your table is booked", label="neutral", weak=True)
    pairing = Pairing([*TEXTS, service], PairMixture(1, 0, 0, 0, 0), {"neutral", "angry"}, service=0.3)
    drawn = [pairing.pair(NEUTRAL, generator).text for _ in range(2_000)]
    assert drawn.count("your table is booked") == pytest.approx(600, abs=80)
    assert {pairing.pair(SPEECH, generator).text for _ in range(50)} == {"words angry"}


@pytest.fixture
def clips(data):
    """Two speakers; of each a neutral and an angry clip."""
    paths = sorted((data / "emodb").glob("*.flac"))[:4]
    labels = ("neutral", "angry") * 2
    return [clip(n, path=path, label=labels[n], speaker="aabb"[n]) for n, path in enumerate(paths)]


def test_baselines_are_of_the_same_speaker_mostly_neutral_and_shrunk(clips, default_like, tmp_path):
    stser = model(default_like)
    cache = FrameCache(stser, tmp_path)
    source = SpeechSource(clips, cache, stser)
    source.measure(clips)
    means, deviations = cache.statistics(clips, [WIDE])[:, 0]
    centre, scale = (one.numpy().reshape(2, 16) * source.frame_scale for one in stser.smodel.standardise.buffers())
    np.testing.assert_allclose(centre, [np.zeros(16), deviations.mean(0)], rtol=1e-4)
    np.testing.assert_allclose(scale, [means.std(0), deviations.std(0)], atol=2e-3 * source.frame_scale.max())
    np.testing.assert_allclose(source.neutral_mean, means[[0, 2]].mean(0), rtol=1e-4)
    neutral, angry = means[0] - source.neutral_mean, means[1] - source.neutral_mean
    mostly, weights = 0, []
    for seed in range(300):
        moved = source.draw(clips[1], rng(seed), None).baseline.numpy() - source.neutral_mean
        (a, b), *_ = np.linalg.lstsq(np.stack([neutral, angry], 1), moved, rcond=None)
        np.testing.assert_allclose(a * neutral + b * angry, moved, atol=1e-3)
        mostly += a > b
        weights.append(a + b)
    assert mostly > 250, "of 85 % neutral turns"
    most = 25 / (25 + default_like.speaker_baseline.pseudo_turns)
    assert min(weights) == pytest.approx(0, abs=1e-5) and max(weights) == pytest.approx(most, abs=1e-3)


def test_lines_and_crops_are_drawn_as_often_as_asked_and_log_mel_has_no_baseline(clips, config, tmp_path):
    stser = model(config)
    cache = FrameCache(stser, tmp_path)
    source = SpeechSource(clips, cache, stser, lines=1)
    whole = [torch.from_numpy(cache.frames(clips[0], version).astype(np.float32)) for version in (WIDE, "line1")]

    def frames(augmentation, seed):
        return source.draw(clips[0], rng(seed), augmentation).frames

    over = sum(torch.equal(frames(Augmentation(lines=0.3), seed), whole[1]) for seed in range(200))
    assert over == pytest.approx(60, abs=25)
    lengths = {len(frames(Augmentation(crop=1.0, crop_s=(0.2, 0.25)), seed)) for seed in range(100)}
    assert lengths == set(range(20, 26))
    assert torch.equal(frames(Augmentation(), 0), whole[0])
    assert not torch.equal(frames(Augmentation(frame_noise=0.1), 0), whole[0])
    assert source.draw(clips[0], rng(0), None).baseline is None
