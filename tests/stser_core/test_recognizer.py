"""The recognizer: utterances in, scores out, in order, whatever they are scored together with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from stser_core.batches import LIMITS
from stser_core.checkpoint import Checkpoint, save
from stser_core.emotions import LABELS
from stser_core.ensemble import apply_prior, parse_prior
from stser_core.errors import CheckpointError, DeviceError, UsageError
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import CLASSIFIERS, EmotionScores, SpeechInput
from stser_core.text import CONFIDENCE_FLOOR

ANGRY = "i'm really angry about my internet bill"


@pytest.fixture(scope="module")
def loaded(config, build, tokenizer) -> Checkpoint:
    return Checkpoint("tiny", build(config), tokenizer)


@pytest.fixture(scope="module")
def recognizer(loaded) -> EmotionRecognizer:
    return EmotionRecognizer(loaded, accelerator="cpu")


def sound(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples) * np.sin(np.arange(samples) / (300 + 100 * seed))).astype(np.float32)


def close(got: EmotionScores, wanted: EmotionScores) -> bool:
    return got.by_classifier.keys() == wanted.by_classifier.keys() and all(
        got.by_classifier[name] == pytest.approx(probabilities, abs=1e-5)
        for name, probabilities in wanted.by_classifier.items()
    )


def test_nothing_in_nothing_out(recognizer):
    assert recognizer.score([]) == []


def test_every_classifier_gives_probabilities_and_the_ensemble_is_their_mean(recognizer):
    (scores,) = recognizer.score([SpeechInput(sound(16_000), ANGRY, 0.9)])

    assert tuple(scores.by_classifier) == CLASSIFIERS
    for probabilities in (*scores.by_classifier.values(), scores.ensemble):
        assert len(probabilities) == len(LABELS)
        assert sum(probabilities) == pytest.approx(1, abs=1e-6)
        assert min(probabilities) >= 0
    assert scores.ensemble == pytest.approx(np.mean(list(scores.by_classifier.values()), axis=0), abs=1e-6)
    assert scores.confidence == max(scores.ensemble)
    assert scores.emotion == LABELS[int(np.argmax(scores.ensemble))]
    assert scores.emotion_of("text") == LABELS[int(np.argmax(scores.by_classifier["text"]))]


def test_a_prior_moves_each_classifier_and_the_ensemble(recognizer, loaded):
    prior = parse_prior("neutral=0.7")
    given_ = [SpeechInput(sound(16_000), ANGRY, 0.9)]

    (usual,), (moved,) = (
        one.score(given_) for one in (recognizer, EmotionRecognizer(loaded, accelerator="cpu", prior=prior))
    )

    for name, probabilities in moved.by_classifier.items():
        assert probabilities == pytest.approx(apply_prior(np.array(usual.by_classifier[name]), prior), abs=1e-6)
    assert moved.ensemble == pytest.approx(apply_prior(np.array(usual.ensemble), prior), abs=1e-6)
    assert moved.ensemble[LABELS.index("neutral")] > usual.ensemble[LABELS.index("neutral")]


def test_the_checkpoints_prior_is_the_default_and_can_be_switched_off(config, build, tokenizer):
    ensemble = replace(config.ensemble, class_prior=(0.1, 0.1, 0.7, 0.1))
    loaded = Checkpoint("tiny", build(replace(config, ensemble=ensemble)), tokenizer)
    usual, even = EmotionRecognizer(loaded, accelerator="cpu"), EmotionRecognizer(loaded, accelerator="cpu", prior=None)
    given_ = [SpeechInput(sound(16_000))]

    assert (usual.prior, even.prior) == (ensemble.class_prior, None)
    expected = apply_prior(np.array(even.score(given_)[0].ensemble), ensemble.class_prior)
    assert usual.score(given_)[0].ensemble == pytest.approx(expected, abs=1e-6)


def test_a_combination_that_was_not_calibrated_says_so(config, build, tokenizer):
    temperatures = {"speech": 1.5, "text": 0.5, "bimodal": 1.0, "bimodal+speech+text": 0.5}
    tempered = replace(config, ensemble=replace(config.ensemble, temperatures=temperatures))
    loaded = Checkpoint("tiny", build(tempered), tokenizer)
    given_ = [SpeechInput(sound(16_000), ANGRY, 0.9), SpeechInput(sound(16_000))]

    every, alone = EmotionRecognizer(loaded, accelerator="cpu").score(given_)
    two = EmotionRecognizer(loaded, classifier="speech+text", accelerator="cpu")
    both, _ = two.score(given_)

    squares = np.square(np.mean(list(every.by_classifier.values()), axis=0))
    assert every.ensemble == pytest.approx(squares / squares.sum(), abs=1e-6)
    assert alone.ensemble == pytest.approx(alone.by_classifier["speech"])
    assert (every.calibrated, alone.calibrated, both.calibrated) == (True, True, False)
    assert both.ensemble == pytest.approx(np.mean(list(both.by_classifier.values()), axis=0), abs=1e-6)
    assert two.is_calibrated(("speech",)) and not two.is_calibrated(("text", "speech"))


def test_the_scores_are_the_models_own_calibrated(recognizer, loaded):
    """What comes out is what the model gives, each classifier's logits over its temperature."""
    text = "hello"
    (scores,) = recognizer.score([SpeechInput(sound(16_000), text)])

    encoded = loaded.tokenizer([text])
    logits = loaded.model.classifiers["text"](
        loaded.model.tmodel(*map(torch.from_numpy, (encoded.pieces, encoded.mask)))
    )
    assert scores.by_classifier["text"] == pytest.approx((logits / 0.5).softmax(1)[0].tolist(), abs=1e-6)


UTTERANCES = st.tuples(st.integers(1, 30_000), st.sampled_from([None, "", "hello", ANGRY, "안녕하세요 여러분"]))


@given(spoken=st.lists(UTTERANCES, min_size=1, max_size=6), order=st.randoms())
@examples(max_examples=15)
def test_neither_order_nor_neighbours_change_a_score(recognizer, spoken, order):
    utterances = [SpeechInput(sound(n, seed), text) for seed, (n, text) in enumerate(spoken)]
    alone = [recognizer.score([one])[0] for one in utterances]
    places = list(range(len(utterances)))
    order.shuffle(places)

    together = recognizer.score([utterances[place] for place in places])

    assert together == [alone[place] for place in places]


def test_real_batches_give_what_each_utterance_alone_gives(recognizer, monkeypatch):
    """As on an accelerator, where utterances of different lengths share a batch."""
    utterances = [SpeechInput(sound(n, n), ANGRY if n % 2 else None) for n in (16_000, 1_601, 4_001, 30_001, 24_000)]
    alone = recognizer.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    assert all(close(got, wanted) for got, wanted in zip(recognizer.score(utterances), alone, strict=True))


def test_no_batch_holds_more_utterances_than_it_may(recognizer, monkeypatch):
    """Texts have no sound whose length would bound a batch of them."""
    texts = [SpeechInput(sound(0), f"number {n}") for n in range(10)]
    alone = recognizer.score(texts)
    sizes = []
    forward = recognizer._network._model.tmodel.forward
    monkeypatch.setattr(
        recognizer._network._model.tmodel,
        "forward",
        lambda pieces, mask: sizes.append(len(pieces)) or forward(pieces, mask),
    )
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 4))

    assert all(close(got, wanted) for got, wanted in zip(recognizer.score(texts), alone, strict=True))
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
    ids=["none", "empty", "blank", "no word", "low confidence", "Korean word", "Korean", "Chinese"],
)
def test_without_words_that_it_can_read_the_speech_classifier_is_alone(recognizer, text, confidence):
    utterance = sound(16_000)
    (scores,) = recognizer.score([SpeechInput(utterance, text, confidence)])
    (speech,) = recognizer.score([SpeechInput(utterance)])

    assert tuple(scores.by_classifier) == ("speech",)
    assert scores == speech
    assert scores.ensemble == pytest.approx(scores.by_classifier["speech"])
    assert scores.emotion_of("text") is None


@pytest.mark.parametrize("confidence", [None, CONFIDENCE_FLOOR, 1.0])
def test_confident_words_are_read(recognizer, confidence):
    (scores,) = recognizer.score([SpeechInput(sound(16_000), ANGRY, confidence)])

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
    utterances = [SpeechInput(sound(16_000), ANGRY), SpeechInput(sound(16_000))]

    first, second = EmotionRecognizer(loaded, classifier=classifier, accelerator="cpu").score(utterances)

    whole = recognizer.score(utterances)[0]
    assert tuple(first.by_classifier) == with_text
    assert first.by_classifier == {name: whole.by_classifier[name] for name in with_text}
    assert first.ensemble == pytest.approx(np.mean(list(first.by_classifier.values()), axis=0), abs=1e-6)
    assert (None if second is None else tuple(second.by_classifier)) == without


def test_words_without_sound(recognizer):
    (scores,) = recognizer.score([SpeechInput(np.zeros(0, np.float32), ANGRY)])

    assert tuple(scores.by_classifier) == ("text",)


def test_neither_words_nor_sound(recognizer):
    assert recognizer.score([SpeechInput(np.zeros(0, np.float32))]) == [None]


def test_digital_silence_has_no_emotion(recognizer):
    silence = np.zeros(16_000, np.float32)
    alone, among, said = recognizer.score(
        [SpeechInput(silence), SpeechInput(sound(16_000)), SpeechInput(silence, ANGRY)]
    )

    assert alone is None
    assert close(among, recognizer.score([SpeechInput(sound(16_000))])[0])
    assert tuple(said.by_classifier) == ("text",)


def test_a_checkpoint_with_the_text_classifier_alone(config, build, tokenizer):
    text_only = replace(config, classifiers={"text": config.classifiers["text"]}, smodel=None)
    recognizer = EmotionRecognizer(Checkpoint("words", build(text_only), tokenizer), accelerator="cpu", explain=True)

    first, second = recognizer.score([SpeechInput(sound(16_000), ANGRY), SpeechInput(sound(16_000))])

    assert recognizer.classifiers == ("text",)
    assert tuple(first.by_classifier) == ("text",)
    assert first.salience is None
    assert second is None


def test_a_checkpoint_with_the_speech_classifier_alone(config, build):
    speech_only = replace(config, classifiers={"speech": config.classifiers["speech"]}, tmodel=None)
    recognizer = EmotionRecognizer(Checkpoint("voice", build(speech_only), None), accelerator="cpu")

    (scores,) = recognizer.score([SpeechInput(sound(16_000), ANGRY)])

    assert recognizer.classifiers == ("speech",)
    assert tuple(scores.by_classifier) == ("speech",)


@pytest.mark.parametrize(
    "samples",
    [np.full(1, 0.5), np.full(16_000, 0.5), np.eye(1, 16_000, 8_000)[0]],
    ids=["one sample", "constant", "a click"],
)
def test_odd_sounds_get_finite_scores(recognizer, samples):
    (scores,) = recognizer.score([SpeechInput(samples.astype(np.float32))])

    assert sum(scores.ensemble) == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def explaining(loaded) -> EmotionRecognizer:
    return EmotionRecognizer(loaded, accelerator="cpu", explain=True)


@given(samples=st.integers(min_value=2, max_value=60_000))  # the first one is zero
@examples(max_examples=25)
def test_salience_has_a_value_for_every_tenth_of_a_second(explaining, samples):
    (scores,) = explaining.score([SpeechInput(sound(samples))])

    assert len(scores.salience) == -(-samples // 1_600)
    assert min(scores.salience) >= 0
    assert sum(scores.salience) == pytest.approx(1, abs=1e-5)


def test_salience_rests_on_no_silence_that_was_cut(explaining):
    silence = np.zeros(16_000, np.float32)
    (scores,) = explaining.score([SpeechInput(np.concatenate([silence, sound(16_000), silence]))])

    assert sum(scores.salience[8:22]) == pytest.approx(1, abs=1e-5)


def test_salience_does_not_depend_on_a_batch(explaining, monkeypatch):
    utterances = [SpeechInput(sound(n, n)) for n in (16_000, 30_001, 4_001)]
    alone = explaining.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    for got, wanted in zip(explaining.score(utterances), alone, strict=True):
        assert got.salience == pytest.approx(wanted.salience, abs=1e-5)


def test_salience_is_given_only_where_it_is_asked_for(recognizer):
    assert recognizer.score([SpeechInput(sound(16_000))])[0].salience is None


@pytest.mark.parametrize("classifier", ["face", "", "speech+", "ensemble+speech", "speech,text"])
def test_an_unknown_classifier(loaded, classifier):
    with pytest.raises(UsageError, match=r"Unknown classifier .*speech, text, bimodal"):
        EmotionRecognizer(loaded, classifier=classifier)


def test_a_classifier_that_the_checkpoint_lacks(config, build):
    speech_only = Checkpoint(
        "voice", build(replace(config, classifiers={"speech": config.classifiers["speech"]}, tmodel=None)), None
    )

    with pytest.raises(CheckpointError, match="'voice' has no text classifier; it has speech"):
        EmotionRecognizer(speech_only, classifier="speech+text")


def test_an_unknown_accelerator(loaded):
    with pytest.raises(UsageError, match="Unknown accelerator 'tpu'; choose from auto, cpu, cuda, mps"):
        EmotionRecognizer(loaded, accelerator="tpu")


@pytest.mark.parametrize(
    ("name", "present"), [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
)
def test_an_accelerator_that_is_not_there(loaded, name, present):
    if present:
        pytest.skip(f"this machine has {name}")
    with pytest.raises(DeviceError, match=f"no {name} accelerator.*try --accelerator cpu"):
        EmotionRecognizer(loaded, accelerator=name)


def test_a_recognizer_loads_a_folder(tmp_path, config, build, tokenizer, recognizer):
    save(tmp_path / "mine", build(config), tokenizer, "")

    from_disk = EmotionRecognizer.load(tmp_path / "mine", accelerator="cpu")

    assert from_disk.name == "mine"
    (kept,), (made,) = (one.score([SpeechInput(sound(9_000), ANGRY)]) for one in (from_disk, recognizer))
    assert kept.by_classifier["speech"] == made.by_classifier["speech"]
    for name, probabilities in made.by_classifier.items():  # the text encoder is kept in half precision
        assert kept.by_classifier[name] == pytest.approx(probabilities, abs=1e-3)


@pytest.fixture(scope="module")
def with_front_end(front_config, build, tokenizer) -> EmotionRecognizer:
    return EmotionRecognizer(Checkpoint("front", build(front_config), tokenizer), accelerator="cpu", explain=True)


def test_frames_stand_for_the_sound_that_they_were_made_of(with_front_end, recognizer):
    for one, size in ((with_front_end, 16), (recognizer, 24)):
        waveforms = [sound(n, n) for n in (16_000, 4_000, 30_000)]
        frames = one.frames(waveforms)

        assert [frame.shape[1] for frame in frames] == [size] * 3
        cached = one.score([SpeechInput(np.zeros(0, np.float32), ANGRY, frames=frame) for frame in frames])
        direct = one.score([SpeechInput(waveform, ANGRY) for waveform in waveforms])
        assert [scores.by_classifier for scores in cached] == [scores.by_classifier for scores in direct]


def test_cached_frames_may_be_half_precision(with_front_end):
    (frames,) = with_front_end.frames([sound(16_000)])

    full, half = with_front_end.score(
        [SpeechInput(np.zeros(0, np.float32), frames=one) for one in (frames, frames.astype(np.float16))]
    )

    assert half.ensemble == pytest.approx(full.ensemble, abs=1e-2)


def test_with_a_front_end_salience_is_on_the_utterances_own_grid(with_front_end):
    silence = np.zeros(16_000, np.float32)
    (scores,) = with_front_end.score([SpeechInput(np.concatenate([silence, sound(16_000), silence]))])

    assert len(scores.salience) == 30
    assert sum(scores.salience[8:22]) == pytest.approx(1, abs=1e-5)


def test_real_batches_of_frames_give_the_same(with_front_end, monkeypatch):
    utterances = [SpeechInput(sound(n, n), ANGRY if n % 2 else None) for n in (16_000, 1_601, 4_001, 30_001, 24_000)]
    alone = with_front_end.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    assert all(close(got, wanted) for got, wanted in zip(with_front_end.score(utterances), alone, strict=True))
