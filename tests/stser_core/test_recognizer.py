"""The recognizer: utterances in, scores out, in order, whatever they are scored together with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from stser_core.checkpoint import Checkpoint, save
from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError, DeviceError, UsageError
from stser_core.prior import Prior
from stser_core.recognizer import Recognizer
from stser_core.score_batches import LIMITS
from stser_core.scores import CLASSIFIERS, EmotionScores, Spoken
from stser_core.trust import CONFIDENCE_FLOOR

ANGRY = "i'm really angry about my internet bill"


@pytest.fixture(scope="module")
def loaded(settings, build, tokenizer) -> Checkpoint:
    return Checkpoint("tiny", build(settings), tokenizer)


@pytest.fixture(scope="module")
def recognizer(loaded) -> Recognizer:
    return Recognizer(loaded, accelerator="cpu")


def sound(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples) * np.sin(np.arange(samples) / (300 + 100 * seed))).astype(np.float32)


def near(got: EmotionScores, wanted: EmotionScores) -> bool:
    return got.by_classifier.keys() == wanted.by_classifier.keys() and all(
        got.by_classifier[name] == pytest.approx(shares, abs=1e-5) for name, shares in wanted.by_classifier.items()
    )


def test_nothing_in_nothing_out(recognizer):
    assert recognizer.score([]) == []


def test_every_classifier_gives_probabilities_and_the_ensemble_is_their_mean(recognizer):
    (scores,) = recognizer.score([Spoken(sound(16_000), ANGRY, 0.9)])

    assert tuple(scores.by_classifier) == CLASSIFIERS
    for shares in (*scores.by_classifier.values(), scores.ensemble):
        assert len(shares) == len(LABELS)
        assert sum(shares) == pytest.approx(1, abs=1e-6)
        assert min(shares) >= 0
    assert scores.ensemble == pytest.approx(np.mean(list(scores.by_classifier.values()), axis=0), abs=1e-6)
    assert scores.confidence == max(scores.ensemble)
    assert scores.emotion == LABELS[int(np.argmax(scores.ensemble))]
    assert scores.emotion_of("text") == LABELS[int(np.argmax(scores.by_classifier["text"]))]


def test_a_prior_moves_each_classifier_and_the_ensemble(recognizer, loaded):
    prior = Prior.read("neutral=0.7")
    spoken = [Spoken(sound(16_000), ANGRY, 0.9)]

    (usual,), (moved,) = recognizer.score(spoken), Recognizer(loaded, accelerator="cpu", prior=prior).score(spoken)

    for name, shares in moved.by_classifier.items():
        wanted = prior.applied(np.array(usual.by_classifier[name]))
        assert shares == pytest.approx(wanted, abs=1e-6)
    assert moved.ensemble == pytest.approx(prior.applied(np.array(usual.ensemble)), abs=1e-6)
    assert moved.ensemble[LABELS.index("neutral")] > usual.ensemble[LABELS.index("neutral")]


def test_the_mean_of_several_has_a_temperature_of_its_own(settings, build, tokenizer):
    tempered = replace(settings, temperatures={**settings.temperatures, "ensemble": 0.5})
    recognizer = Recognizer(Checkpoint("tiny", build(tempered), tokenizer), accelerator="cpu")

    several, alone = recognizer.score([Spoken(sound(16_000), ANGRY, 0.9), Spoken(sound(16_000))])

    squares = np.square(np.mean(list(several.by_classifier.values()), axis=0))
    assert several.ensemble == pytest.approx(squares / squares.sum(), abs=1e-6)
    assert alone.ensemble == pytest.approx(alone.by_classifier["speech"])


def test_a_company_may_have_its_own_temperature(settings, build, tokenizer):
    tempered = {**settings.temperatures, "ensemble": 0.5, "speech+text": 1.0}
    loaded = Checkpoint("tiny", build(replace(settings, temperatures=tempered)), tokenizer)

    (two,) = Recognizer(loaded, classifier="speech+text", accelerator="cpu").score([Spoken(sound(16_000), ANGRY, 0.9)])

    assert two.ensemble == pytest.approx(np.mean(list(two.by_classifier.values()), axis=0), abs=1e-6)


def test_the_scores_are_the_models_own_calibrated(recognizer, loaded):
    """What comes out is what the model gives, each classifier's logits over its temperature."""
    text = "hello"
    (scores,) = recognizer.score([Spoken(sound(16_000), text)])

    encoded = loaded.tokenizer([text])
    logits = loaded.model.classifiers["text"](loaded.model.tmodel(encoded.pieces, encoded.mask))
    assert scores.by_classifier["text"] == pytest.approx((logits / 0.5).softmax(1)[0].tolist(), abs=1e-6)


def test_half_precision_does_not_reach_the_spectrogram(recognizer, loaded, monkeypatch):
    """As on CUDA, where quiet sound would have no power left."""
    inside = []
    parts = (loaded.model.logmel, loaded.model.smodel)
    hooks = [one.register_forward_pre_hook(lambda *_: inside.append(torch.is_autocast_enabled("cpu"))) for one in parts]
    monkeypatch.setattr(recognizer, "_precision", lambda: torch.autocast("cpu", torch.bfloat16))

    recognizer.score([Spoken(sound(16_000))])

    for hook in hooks:
        hook.remove()
    assert inside == [False, True]


SPOKEN = st.tuples(st.integers(1, 30_000), st.sampled_from([None, "", "hello", ANGRY, "안녕하세요 여러분"]))


@given(spoken=st.lists(SPOKEN, min_size=1, max_size=6), order=st.randoms())
@examples(max_examples=15)
def test_neither_order_nor_company_changes_a_score(recognizer, spoken, order):
    utterances = [Spoken(sound(n, seed), text) for seed, (n, text) in enumerate(spoken)]
    alone = [recognizer.score([one])[0] for one in utterances]
    places = list(range(len(utterances)))
    order.shuffle(places)

    together = recognizer.score([utterances[place] for place in places])

    assert together == [alone[place] for place in places]


def test_real_batches_give_what_each_utterance_alone_gives(recognizer, monkeypatch):
    """As on an accelerator, where utterances of different lengths share a batch."""
    utterances = [Spoken(sound(n, n), ANGRY if n % 2 else None) for n in (16_000, 1_601, 4_001, 30_001, 24_000)]
    alone = recognizer.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    assert all(near(got, wanted) for got, wanted in zip(recognizer.score(utterances), alone, strict=True))


def test_no_batch_holds_more_utterances_than_it_may(recognizer, monkeypatch):
    """Texts have no sound whose length would bound a batch of them."""
    texts = [Spoken(sound(0), f"number {n}") for n in range(10)]
    alone = recognizer.score(texts)
    sizes = []
    forward = recognizer._model.tmodel.forward
    monkeypatch.setattr(
        recognizer._model.tmodel, "forward", lambda pieces, mask: sizes.append(len(pieces)) or forward(pieces, mask)
    )
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 4))

    assert all(near(got, wanted) for got, wanted in zip(recognizer.score(texts), alone, strict=True))
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        (None, None),
        ("", 1.0),
        ("   ", 1.0),
        ("[LAUGHTER] ...", 1.0),
        (ANGRY, CONFIDENCE_FLOOR - 0.01),
        ("안녕하세요", 1.0),
        ("안녕하세요 여러분 만나서 반갑습니다", 1.0),
        ("我很生气你们的服务太差了", None),
    ],
    ids=["none", "empty", "blank", "no word", "not trusted", "Korean word", "Korean", "Chinese"],
)
def test_without_words_that_it_can_read_the_speech_classifier_is_alone(recognizer, text, confidence):
    utterance = sound(16_000)
    (scores,) = recognizer.score([Spoken(utterance, text, confidence)])
    (speech,) = recognizer.score([Spoken(utterance)])

    assert tuple(scores.by_classifier) == ("speech",)
    assert scores == speech
    assert scores.ensemble == pytest.approx(scores.by_classifier["speech"])
    assert scores.emotion_of("text") is None


@pytest.mark.parametrize("confidence", [None, CONFIDENCE_FLOOR, 1.0])
def test_trusted_words_are_read(recognizer, confidence):
    (scores,) = recognizer.score([Spoken(sound(16_000), ANGRY, confidence)])

    assert tuple(scores.by_classifier) == CLASSIFIERS


@pytest.mark.parametrize(
    ("classifier", "with_text", "without"),
    [
        ("ensemble", ("speech", "text", "bimodal"), ("speech",)),
        ("speech", ("speech",), ("speech",)),
        ("text", ("text",), None),
        ("bimodal", ("bimodal",), None),
        ("text+speech", ("speech", "text"), ("speech",)),
        ("text+bimodal", ("text", "bimodal"), None),
    ],
)
def test_any_combination_of_classifiers(loaded, recognizer, classifier, with_text, without):
    utterances = [Spoken(sound(16_000), ANGRY), Spoken(sound(16_000))]

    first, second = Recognizer(loaded, classifier=classifier, accelerator="cpu").score(utterances)

    whole = recognizer.score(utterances)[0]
    assert tuple(first.by_classifier) == with_text
    assert first.by_classifier == {name: whole.by_classifier[name] for name in with_text}
    assert first.ensemble == pytest.approx(np.mean(list(first.by_classifier.values()), axis=0), abs=1e-6)
    assert (None if second is None else tuple(second.by_classifier)) == without


def test_words_without_sound(recognizer):
    (scores,) = recognizer.score([Spoken(np.zeros(0, np.float32), ANGRY)])

    assert tuple(scores.by_classifier) == ("text",)


def test_neither_words_nor_sound(recognizer):
    assert recognizer.score([Spoken(np.zeros(0, np.float32))]) == [None]


def test_a_checkpoint_with_the_text_classifier_alone(settings, build, tokenizer):
    text_only = replace(settings, classifiers=("text",), speech=None)
    recognizer = Recognizer(Checkpoint("words", build(text_only), tokenizer), accelerator="cpu", explain=True)

    first, second = recognizer.score([Spoken(sound(16_000), ANGRY), Spoken(sound(16_000))])

    assert recognizer.classifiers == ("text",)
    assert tuple(first.by_classifier) == ("text",)
    assert first.salience is None
    assert second is None


def test_a_checkpoint_with_the_speech_classifier_alone(settings, build):
    speech_only = replace(settings, classifiers=("speech",), text=None)
    recognizer = Recognizer(Checkpoint("voice", build(speech_only), None), accelerator="cpu")

    (scores,) = recognizer.score([Spoken(sound(16_000), ANGRY)])

    assert recognizer.classifiers == ("speech",)
    assert tuple(scores.by_classifier) == ("speech",)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(16_000), np.full(1, 0.5), np.full(16_000, 0.5), np.eye(1, 16_000, 8_000)[0]],
    ids=["silence", "one sample", "constant", "a click"],
)
def test_odd_sounds_get_finite_scores(recognizer, samples):
    (scores,) = recognizer.score([Spoken(samples.astype(np.float32))])

    assert sum(scores.ensemble) == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def explaining(loaded) -> Recognizer:
    return Recognizer(loaded, accelerator="cpu", explain=True)


@given(samples=st.integers(min_value=1, max_value=60_000))
@examples(max_examples=25)
def test_salience_has_a_share_for_every_tenth_of_a_second(explaining, samples):
    (scores,) = explaining.score([Spoken(sound(samples))])

    assert len(scores.salience) == -(-samples // 1_600)
    assert min(scores.salience) >= 0
    assert sum(scores.salience) == pytest.approx(1, abs=1e-5)


def test_salience_rests_on_no_silence_that_was_cut(explaining):
    silence = np.zeros(16_000, np.float32)
    (scores,) = explaining.score([Spoken(np.concatenate([silence, sound(16_000), silence]))])

    assert sum(scores.salience[8:22]) == pytest.approx(1, abs=1e-5)


def test_salience_does_not_depend_on_a_batch(explaining, monkeypatch):
    utterances = [Spoken(sound(n, n)) for n in (16_000, 30_001, 4_001)]
    alone = explaining.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    for got, wanted in zip(explaining.score(utterances), alone, strict=True):
        assert got.salience == pytest.approx(wanted.salience, abs=1e-5)


def test_salience_is_given_only_where_it_is_asked_for(recognizer):
    assert recognizer.score([Spoken(sound(16_000))])[0].salience is None


@pytest.mark.parametrize("classifier", ["face", "", "speech+", "ensemble+speech", "speech,text"])
def test_an_unknown_classifier(loaded, classifier):
    with pytest.raises(UsageError, match=r"There is no classifier .*speech, text, bimodal"):
        Recognizer(loaded, classifier=classifier)


def test_a_classifier_that_the_checkpoint_lacks(settings, build):
    speech_only = Checkpoint("voice", build(replace(settings, classifiers=("speech",), text=None)), None)

    with pytest.raises(CheckpointError, match="'voice' has no text classifier; it has speech"):
        Recognizer(speech_only, classifier="speech+text")


def test_an_unknown_accelerator(loaded):
    with pytest.raises(UsageError, match="no accelerator 'tpu'; there are auto, cpu, cuda, mps"):
        Recognizer(loaded, accelerator="tpu")


@pytest.mark.parametrize(
    ("name", "present"), [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
)
def test_an_accelerator_that_is_not_there(loaded, name, present):
    if present:
        pytest.skip(f"this machine has {name}")
    with pytest.raises(DeviceError, match=f"no {name} accelerator.*try --accelerator cpu"):
        Recognizer(loaded, accelerator=name)


def test_a_recognizer_loads_a_folder(tmp_path, settings, build, tokenizer, recognizer):
    save(tmp_path / "mine", build(settings), tokenizer, "")

    from_disk = Recognizer.load(tmp_path / "mine", accelerator="cpu")

    assert from_disk.name == "mine"
    (kept,), (made,) = (one.score([Spoken(sound(9_000), ANGRY)]) for one in (from_disk, recognizer))
    assert kept.by_classifier["speech"] == made.by_classifier["speech"]
    for name, shares in made.by_classifier.items():  # the text encoder is kept in half precision
        assert kept.by_classifier[name] == pytest.approx(shares, abs=1e-3)
