"""The recognizer: utterances in, scores out, in order, whatever they are scored together with; speaker baselines."""

from copy import copy
from dataclasses import replace as change
from itertools import pairwise

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from stser_core import SpeakerBaseline
from stser_core.emotions import LABELS
from stser_core.ensemble import apply_prior
from stser_core.errors import DeviceError, UsageError
from stser_core.model import Stser
from stser_core.network import LIMITS, batches
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import CLASSIFIERS, EmotionScores, SpeechInput
from stser_core.tokenizer import CONFIDENCE_FLOOR as FLOOR
from stser_core.torch_network import TorchNetwork
from stser_core.training.recipe import only
from stser_core.training.saving import save

ANGRY = "i'm really angry about my internet bill"
NOTHING = np.zeros(0, np.float32)


@pytest.fixture(scope="module")
def model(config, build) -> Stser:
    return build(config)


@pytest.fixture(scope="module")
def recognizer(model, recognizer_of) -> EmotionRecognizer:
    return recognizer_of(model, explain=True)


@pytest.fixture(scope="module")
def with_front_end(front_config, build, recognizer_of) -> EmotionRecognizer:
    return recognizer_of(build(front_config), explain=True)


def sound(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples) * np.sin(np.arange(samples) / (300 + 100 * seed))).astype(np.float32)


def close(got: EmotionScores, wanted: EmotionScores) -> bool:
    pairs = [(got.by_classifier[name], one) for name, one in wanted.by_classifier.items()]
    assert got.by_classifier.keys() == wanted.by_classifier.keys()
    return all(one == pytest.approx(other, abs=1e-5) for one, other in (*pairs, (got.salience, wanted.salience)))


def test_every_classifier_is_calibrated_and_the_ensemble_is_their_mean(recognizer, model, tokenizer):
    (scores,) = recognizer.score([SpeechInput(sound(16_000), ANGRY, 0.9)])

    assert tuple(scores.by_classifier) == CLASSIFIERS
    for probabilities in (*scores.by_classifier.values(), scores.ensemble):
        assert len(probabilities) == len(LABELS) and min(probabilities) >= 0
        assert sum(probabilities) == pytest.approx(1, abs=1e-6)
    assert scores.ensemble == pytest.approx(np.mean(list(scores.by_classifier.values()), axis=0), abs=1e-6)
    encoded = tokenizer([ANGRY])
    logits = model.classifiers["text"](model.tmodel(*map(torch.from_numpy, (encoded.pieces, encoded.mask))))
    assert scores.by_classifier["text"] == pytest.approx((logits / 0.5).softmax(1)[0].tolist(), abs=1e-6)


@pytest.mark.parametrize("asked", ["checkpoint", (0.2, 0.1, 0.6, 0.1)])
def test_a_prior_moves_each_classifier_and_the_ensemble(config, build, recognizer_of, asked):
    ensemble = replace(config.ensemble, class_prior=(0.1, 0.1, 0.7, 0.1))
    model = build(replace(config, ensemble=ensemble))

    even, moved = (recognizer_of(model, prior=one) for one in (None, asked))
    (plain,), (scores,) = (one.score([SpeechInput(sound(16_000), ANGRY, 0.9)]) for one in (even, moved))

    assert moved.prior == (ensemble.class_prior if asked == "checkpoint" else asked)
    before, after = ({**one.by_classifier, "ensemble": one.ensemble} for one in (plain, scores))
    for name, probabilities in after.items():
        assert probabilities == pytest.approx(apply_prior(np.array(before[name]), moved.prior), abs=1e-6)


def test_a_combination_that_was_not_calibrated_says_so(config, build, recognizer_of):
    temperatures = {"speech": 1.5, "text": 0.5, "bimodal": 1.0, "bimodal+speech+text": 0.5}
    tempered = replace(config, ensemble=replace(config.ensemble, temperatures=temperatures))
    model = build(tempered)
    utterances = [SpeechInput(sound(16_000), ANGRY, 0.9), SpeechInput(sound(16_000))]

    every, alone = recognizer_of(model).score(utterances)
    assert every.salience is None, "which was not asked for"
    two = recognizer_of(model, classifier="speech+text")
    both, _ = two.score(utterances)

    squares = np.square(np.mean(list(every.by_classifier.values()), axis=0))
    assert every.ensemble == pytest.approx(squares / squares.sum(), abs=1e-6)
    assert alone.ensemble == pytest.approx(alone.by_classifier["speech"])
    assert (every.calibrated, alone.calibrated, both.calibrated) == (True, True, False)
    assert two.is_calibrated(("speech",)) and not two.is_calibrated(("text", "speech"))


def test_neither_order_nor_neighbours_change_a_score(recognizer):
    spoken = [(1, None), (30_000, ANGRY), (1_601, ""), (0, None), (16_000, "안녕하세요 여러분"), (640, ANGRY)]
    utterances = [SpeechInput(sound(n, seed), text) for seed, (n, text) in enumerate(spoken)]
    alone = [recognizer.score([one])[0] for one in utterances]

    assert recognizer.score(utterances) == alone
    assert recognizer.score(utterances[::-1]) == alone[::-1]


@pytest.mark.parametrize("which", ["recognizer", "with_front_end"])
def test_real_batches_give_what_each_utterance_alone_gives(which, request, monkeypatch):
    """As on an accelerator, where utterances of different lengths share a batch."""
    recognizer = request.getfixturevalue(which)
    utterances = [SpeechInput(sound(n, n), ANGRY if n % 2 else None) for n in (16_000, 1_601, 4_001, 30_001, 24_000)]
    alone = recognizer.score(utterances)
    monkeypatch.setitem(LIMITS, "cpu", (10.0, 256))

    assert all(map(close, recognizer.score(utterances), alone))
    assert [len(one) for one in batches(range(600), "cuda")] == [256, 256, 88], "texts have no sound that bounds them"


def test_without_words_that_it_can_read_the_speech_classifier_is_alone(recognizer):
    unread = [(None, None), ("", 1.0), ("[LAUGHTER] ...", 1.0), (ANGRY, FLOOR - 0.01), ("안녕하세요", None)]
    read, *scores = recognizer.score([SpeechInput(sound(16_000), *words) for words in ((ANGRY, FLOOR), *unread)])

    assert tuple(read.by_classifier) == CLASSIFIERS
    assert {tuple(one.by_classifier) for one in scores} == {("speech",)}
    assert scores[1:] == scores[:1] * 4
    assert scores[0].emotion_of("text") is None


@pytest.mark.parametrize(
    ("classifier", "with_text", "without"),
    [
        ("speech", ("speech",), ("speech",)),
        ("bimodal", ("bimodal",), None),
        ("text+speech", ("speech", "text"), ("speech",)),
        ("text+bimodal", ("text", "bimodal"), None),
    ],
)
def test_any_combination_of_classifiers(model, recognizer_of, recognizer, classifier, with_text, without):
    utterances = [SpeechInput(sound(16_000), ANGRY), SpeechInput(sound(16_000))]

    first, second = recognizer_of(model, classifier=classifier).score(utterances)

    whole = recognizer.score(utterances)[0]
    assert first.by_classifier == {name: whole.by_classifier[name] for name in with_text}
    assert first.ensemble == pytest.approx(np.mean(list(first.by_classifier.values()), axis=0), abs=1e-6)
    assert (None if second is None else tuple(second.by_classifier)) == without


@pytest.mark.parametrize(
    "silence",
    [NOTHING, np.zeros(16_000, np.float32), sound(10), sound(399)],
    ids=["none", "silence", "samples", "short"],
)
def test_without_sound_words_alone_have_an_emotion(recognizer, silence):
    alone, said = recognizer.score([SpeechInput(silence), SpeechInput(silence, ANGRY)])

    assert alone is None and tuple(said.by_classifier) == ("text",)
    assert recognizer.score([]) == []
    assert recognizer.score([SpeechInput(sound(400))]) != [None]


@pytest.mark.parametrize("name", ["text", "speech"])
def test_a_checkpoint_with_one_classifier_alone(config, build, tokenizer, tmp_path, name):
    save(tmp_path / "one", build(only(config, [name])), tokenizer if name == "text" else None, "")
    recognizer = EmotionRecognizer.load(tmp_path / "one", accelerator="cpu", explain=True)

    first, second = recognizer.score([SpeechInput(sound(16_000), ANGRY), SpeechInput(sound(16_000))])

    assert recognizer.classifiers == tuple(first.by_classifier) == (name,)
    assert first.calibrated
    assert (first.salience is None, second is None) == (name == "text", name == "text")
    with pytest.raises(UsageError, match=f"'one' has no classifier 'bimodal'; choose from ensemble, {name},"):
        EmotionRecognizer.load(tmp_path / "one", classifier=f"{name}+bimodal")


def test_salience_is_of_tenths_of_a_second_and_rests_on_no_silence_that_was_cut(recognizer, with_front_end):
    for samples in (400, 1_600, 1_601, 30_000):
        (scores,) = recognizer.score([SpeechInput(sound(samples))])
        assert len(scores.salience) == -(-samples // 1_600)
        assert min(scores.salience) >= 0 and sum(scores.salience) == pytest.approx(1, abs=1e-5)
    silence = np.zeros(16_000, np.float32)
    for one in (recognizer, with_front_end):
        (scores,) = one.score([SpeechInput(np.concatenate([silence, sound(16_000), silence]))])
        assert len(scores.salience) == 30
        assert sum(scores.salience[8:22]) == pytest.approx(1, abs=1e-5)


def test_what_is_unknown_or_not_there_is_refused(model, recognizer_of, monkeypatch):
    for classifier in ("face", "", "speech+", "ensemble+speech"):
        with pytest.raises(UsageError, match=r"speech, text, bimodal"):
            recognizer_of(model, classifier=classifier)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="'tpu'; choose from auto, cpu, cuda, mps"):
        TorchNetwork(model, "tpu")
    with pytest.raises(DeviceError, match="no cuda accelerator"):
        TorchNetwork(model, "cuda")


@pytest.mark.parametrize("prior", ["even", (0.5, 0.5), (float("nan"), 0.1, 0.5, 0.4)])
def test_what_is_not_a_prior_is_refused(model, recognizer_of, prior):
    with pytest.raises(UsageError):
        recognizer_of(model, prior=prior)


def test_an_unknown_runtime_is_refused():
    with pytest.raises(UsageError, match="torch, onnx"):
        EmotionRecognizer.load(runtime="tensorflow")


def test_any_iterable_of_inputs_is_scored_and_nothing_else(recognizer):
    one = SpeechInput(sound(16_000))
    wanted = recognizer.score([one])

    assert recognizer.score(SpeechInput(each) for each in (one.samples,)) == wanted
    assert recognizer.score((one,)) == wanted
    for given in (one, one.samples, [one.samples], [one, None], None, "utterance.wav"):
        with pytest.raises(UsageError, match="SpeechInput"):
            recognizer.score(given)


def test_frames_stand_for_the_sound_that_they_were_made_of(with_front_end, recognizer):
    for one, size in ((with_front_end, 16), (recognizer, 24)):
        waveforms = [sound(n, n) for n in (16_000, 4_000, 30_000)]
        frames = one.frames(waveforms)

        assert [frame.shape[1] for frame in frames] == [size] * 3
        cached = one.score([SpeechInput(NOTHING, ANGRY, frames=frame) for frame in frames])
        direct = one.score([SpeechInput(waveform, ANGRY) for waveform in waveforms])
        assert [scores.by_classifier for scores in cached] == [scores.by_classifier for scores in direct]
        half = one.score([SpeechInput(NOTHING, frames=frames[0].astype(np.float16))])[0]
        assert half.by_classifier["speech"] == pytest.approx(direct[0].by_classifier["speech"], abs=1e-2)


# Speaker baselines


def test_past_turns_count_as_much_as_they_weigh_and_a_copy_learns_by_itself():
    speaker, global_mean = SpeakerBaseline(), np.array([1.0, -2.0, 0.5], np.float32)
    assert np.array_equal(speaker.mean(global_mean, 2.0), global_mean), "of an unknown speaker"
    means, weights = np.random.default_rng(0).standard_normal((3, 3)), np.array([0.9, 0.1, 0.5])
    for mean, weight in zip(means, weights, strict=True):
        speaker.update(mean, weight, 50.0)
    expected = (2 * global_mean + weights @ means) / (2 + 1.5)
    np.testing.assert_allclose(speaker.mean(global_mean, 2.0), expected)

    other = copy(speaker)
    other.update(global_mean - 9, 1.0, 50.0)
    np.testing.assert_allclose(speaker.mean(global_mean, 2.0), expected)
    np.testing.assert_allclose(other.mean(global_mean, 2.0), (3.5 * expected + global_mean - 9) / 4.5)


def test_after_a_change_of_speaker_the_old_one_fades():
    speaker, old, new = SpeakerBaseline(), np.full(3, 10.0), np.full(3, -10.0)
    for mean in [old] * 100 + [new] * 60:
        speaker.update(mean, 1.0, memory=10.0)

    assert speaker.weight == 10.0
    assert np.abs(speaker.mean(np.zeros(3), 0.1) - new).mean() < 1


def test_the_baseline_is_subtracted(front_config, build):
    model = build(front_config)
    model.frame_scale.fill_(2.0)
    frames, counts, baselines = torch.randn(3, 25, 16), torch.tensor([25, 20, 10]), torch.randn(3, 16)

    known = model.encode_speech(frames, counts, baselines)[0]
    shifted = model.encode_speech(frames - baselines[:, None] + model.neutral_mean, counts)[0]

    torch.testing.assert_close(known, shifted, atol=1e-4, rtol=1e-4)


def call() -> list[SpeechInput]:
    """Utterances of three speakers, some of them with words."""
    one, other, third = (SpeakerBaseline() for _ in range(3))
    said = [(16_000, one, ANGRY), (9_000, other, None), (30_000, one, None)]
    said += [(1_601, one, ANGRY), (8_000, other, ANGRY), (12_000, third, ANGRY)]
    return [SpeechInput(sound(n, seed), words, speaker=speaker) for seed, (n, speaker, words) in enumerate(said)]


def alone(recognizer: EmotionRecognizer) -> list:
    return [recognizer.score([change(one, speaker=None)])[0] for one in call()]


def test_later_turns_of_a_speaker_are_scored_against_earlier_ones_in_one_call_or_several(with_front_end):
    scores, plain = with_front_end.score(call()), alone(with_front_end)

    assert with_front_end.uses_speaker_baseline
    for place in (0, 1, 5):  # the first turn of each speaker
        assert scores[place] == plain[place]
    for place in (2, 3, 4):
        assert scores[place].by_classifier["speech"] != plain[place].by_classifier["speech"]
    for place in (3, 4):
        assert scores[place].by_classifier["text"] == plain[place].by_classifier["text"]
        assert scores[place].by_classifier["bimodal"] != plain[place].by_classifier["bimodal"]
    for places in ((0, 1, 2, 3, 4, 5, 6), (0, 3, 6), (0, 4, 5, 6)):
        turns = call()
        assert scores == [one for start, end in pairwise(places) for one in with_front_end.score(turns[start:end])]


def test_a_turn_weighs_what_the_speech_classifier_says_whatever_prior_was_asked_for(
    front_config, build, recognizer_of, with_front_end
):
    weights = []
    for prior in ("checkpoint", None, (0.01, 0.01, 0.97, 0.01)):
        one = call()[0]
        recognizer_of(build(front_config), prior=prior, classifier="bimodal").score([one])
        weights.append(one.speaker.weight)
    (scores,) = with_front_end.score([SpeechInput(sound(16_000))])

    assert len(set(weights)) == 1
    assert weights[0] == pytest.approx(scores.by_classifier["speech"][2] ** 2, abs=1e-5)


def test_without_a_front_end_there_is_no_baseline(recognizer, front_config, build, recognizer_of):
    assert recognizer.score(call()) == alone(recognizer)
    assert not recognizer.uses_speaker_baseline
    assert not recognizer_of(build(front_config), classifier="text").uses_speaker_baseline
