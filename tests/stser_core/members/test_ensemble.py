"""Members in the ensemble: who answers, how the answers are put together, and what a broken checkpoint is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from stser_core import checkpoint
from stser_core.encoding import Encoding
from stser_core.ensemble import Joining
from stser_core.errors import CheckpointError, OutputError, UsageError
from stser_core.members.heads import Head, HeadSettings
from stser_core.members.listing import Listed
from stser_core.recognizer import Recognizer
from stser_core.scores import Spoken

ANGRY = "i'm really angry about my internet bill"
ENCODING = Encoding("whisper-tiny", np.linspace(-1, 1, 6, dtype=np.float32))
SOUND = (0.1 * np.sin(np.arange(16_000) / 9) * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)


def recognizer(folder, classifier="ensemble"):
    return Recognizer.load(folder, classifier=classifier, accelerator="cpu")


def score(folder, *utterances, classifier="ensemble"):
    return recognizer(folder, classifier).score(utterances)


def edit(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_the_member_answers_where_its_encoder_was_heard_and_is_absent_elsewhere(listen):
    folder = listen()
    whole = Spoken(SOUND, ANGRY, 0.9, ENCODING)
    voice = Spoken(SOUND, encoding=ENCODING)

    every, deaf, unread, silent = score(
        folder, whole, Spoken(SOUND, ANGRY), voice, Spoken(np.zeros(0, np.float32), encoding=ENCODING)
    )

    assert tuple(every.by_classifier) == ("speech", "text", "bimodal", "whisper")
    assert tuple(deaf.by_classifier) == ("speech", "text", "bimodal")
    assert tuple(unread.by_classifier) == ("speech", "whisper")
    assert tuple(silent.by_classifier) == ("whisper",)
    for one in (every, deaf, unread, silent):
        assert one.ensemble == pytest.approx(np.mean(list(one.by_classifier.values()), axis=0), abs=1e-6)


def test_the_members_own_answer_is_its_heads_calibrated(listen):
    folder = listen(temperature=2.0)
    head = Head(6, HeadSettings(hidden=4)).eval()
    head.load_state_dict(safetensors.torch.load_file(folder / "whisper.safetensors"))

    (scores,) = score(folder, Spoken(SOUND, encoding=ENCODING))

    expected = (head(torch.from_numpy(ENCODING.vector)[None]) / 2).softmax(dim=1)[0]
    assert scores.by_classifier["whisper"] == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_head_may_read_the_mean_over_time_alone(listen):
    folder = listen(temperature=1.0, inputs=3, pooling="mean")
    head = Head(3, HeadSettings(hidden=4)).eval()
    head.load_state_dict(safetensors.torch.load_file(folder / "whisper.safetensors"))

    (scores,) = score(folder, Spoken(SOUND, encoding=ENCODING))

    expected = head(torch.from_numpy(ENCODING.vector[:3])[None]).softmax(dim=1)[0]
    assert scores.by_classifier["whisper"] == pytest.approx(expected.tolist(), abs=1e-6)


def test_the_others_answer_as_they_did_without_it(plain, listen):
    utterance = Spoken(SOUND, ANGRY, 0.9)

    assert score(listen(), utterance) == score(plain, utterance)


def test_the_output_of_another_encoder_is_not_taken_for_it(listen):
    (scores,) = score(listen(), Spoken(SOUND, encoding=Encoding("whisper-small", ENCODING.vector)))

    assert tuple(scores.by_classifier) == ("speech",)


@pytest.mark.parametrize(
    ("classifier", "names"),
    [
        ("whisper", ("whisper",)),
        ("whisper+speech", ("speech", "whisper")),
        ("text+whisper", ("text", "whisper")),
        ("speech+text", ("speech", "text")),
    ],
)
def test_any_combination(listen, classifier, names):
    folder = listen()
    whole = Spoken(SOUND, ANGRY, 0.9, ENCODING)
    (everything,) = score(folder, whole)

    (scores,) = score(folder, whole, classifier=classifier)

    assert recognizer(folder, classifier).classifiers == names
    assert scores.by_classifier == {name: everything.by_classifier[name] for name in names}


def test_alone_and_without_its_encoder_it_has_no_answer(listen):
    assert score(listen(), Spoken(SOUND, ANGRY), classifier="whisper") == [None]


def test_neither_order_nor_company_changes_a_score(listen):
    scorer = recognizer(listen())
    utterances = [Spoken(SOUND[: 2_000 * n], ANGRY if n % 2 else None, encoding=ENCODING) for n in range(1, 6)]

    assert scorer.score(utterances[::-1]) == [scorer.score([one])[0] for one in utterances[::-1]]


def test_weights_hold_where_the_config_states_them(listen):
    folder = listen()
    edit(folder, lambda config: config.update(weights={"whisper": 3.0}))

    whole, deaf = score(folder, Spoken(SOUND, encoding=ENCODING), Spoken(SOUND))

    speech, whisper = (np.array(whole.by_classifier[name]) for name in ("speech", "whisper"))
    assert whole.ensemble == pytest.approx((speech + 3 * whisper) / 4, abs=1e-6)
    assert deaf.ensemble == pytest.approx(deaf.by_classifier["speech"])


def test_the_voice_of_all_who_hear_it_alone_is_joined_with_the_words(listen):
    folder = listen()
    stated = {"text_neutral": 0.3, "voice_neutral": 0.5}
    edit(folder, lambda config: config.update(joining=stated))

    whole, unread = score(folder, Spoken(SOUND, ANGRY, 0.9, ENCODING), Spoken(SOUND, encoding=ENCODING))

    answers = {name: np.array(shares) for name, shares in whole.by_classifier.items()}
    voice = (answers["speech"] + answers["whisper"]) / 2
    joined = Joining(**stated).joined(voice, answers["text"])
    assert whole.ensemble == pytest.approx((3 * joined + answers["bimodal"]) / 4, abs=1e-6)
    assert unread.ensemble == pytest.approx(voice, abs=1e-6)


def test_a_member_is_added_to_a_joining(plain):
    edit(plain, lambda config: config.update(joining={"text_neutral": 0.3, "voice_neutral": 0.5}))
    head = HeadSettings("linear")
    listed = Listed("whisper", "encoding", {"encoder": "whisper-tiny", "inputs": 6, "head": {"family": "linear"}})

    checkpoint.add_member(plain, plain, listed, Head(6, head).state_dict())

    assert checkpoint.read_config(plain)[1].joining == Joining(0.3, 0.5)


def test_what_is_read_and_who_can_answer_is_told_beforehand(plain, listen):
    with_member = recognizer(listen())

    assert with_member.encoders == ("whisper-tiny",)
    assert with_member.answering() == ("speech", "text", "bimodal")
    assert with_member.answering(text=False) == ("speech",)
    assert with_member.answering(text=False, encoders=("whisper-tiny",)) == ("speech", "whisper")
    assert recognizer(plain).encoders == ()


def test_a_classifier_that_there_is_not_is_refused_with_the_members_that_there_are(listen, plain):
    with pytest.raises(UsageError, match=r"no classifier 'pitch'; there are .*bimodal, whisper, and several"):
        recognizer(listen(), "speech+pitch")
    with pytest.raises(UsageError, match="no classifier 'whisper'"):
        recognizer(plain, "whisper")


def test_a_vector_of_another_length_is_told(listen):
    wrong = Encoding("whisper-tiny", np.zeros(8, np.float32))

    with pytest.raises(CheckpointError, match="reads 6 values of whisper-tiny and was given 8"):
        score(listen(), Spoken(SOUND, encoding=wrong))


def test_the_member_is_added_in_place_too_and_all_else_stays(plain):
    before = {path.name: path.read_bytes() for path in plain.iterdir() if path.name != "config.json"}
    head = HeadSettings("linear")
    listed = Listed("whisper", "encoding", {"encoder": "whisper-tiny", "inputs": 6, "head": {"family": "linear"}})

    for _ in range(2):  # the second replaces the first
        checkpoint.add_member(plain, plain, listed, Head(6, head).state_dict())

    after = {path.name: path.read_bytes() for path in plain.iterdir()}
    assert after.keys() == before.keys() | {"config.json", "whisper.safetensors"}
    assert all(after[name] == content for name, content in before.items())
    assert checkpoint.read_config(plain)[1].names == ("whisper",)


def test_how_much_a_member_counts_is_stated(plain):
    head = HeadSettings("linear")
    listed = Listed("whisper", "encoding", {"encoder": "whisper-tiny", "inputs": 6, "head": {"family": "linear"}})

    for count, stated in ((4.0, {"whisper": 4.0}), (1.0, {})):
        checkpoint.add_member(plain, plain, listed, Head(6, head).state_dict(), count)
        assert checkpoint.read_config(plain)[1].weights == stated


def test_a_checkpoint_is_not_written_over_something_else(plain, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear")

    with pytest.raises(OutputError, match="holds something that is no checkpoint"):
        checkpoint.add_member(plain, tmp_path / "letters", Listed("whisper", "encoding"), {})


@pytest.mark.parametrize("name", ["speech", "ensemble", "model", "Whisper", "a+b", "../up", ""])
def test_names_that_cannot_be(plain, tmp_path, name):
    with pytest.raises(CheckpointError, match="cannot be called"):
        checkpoint.add_member(plain, tmp_path / "new", Listed(name, "encoding"), {})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config["members"].append(config["members"][0]), "lists the member 'whisper' twice"),
        (lambda config: config["members"][0].update(temperature=0.0), "temperature must be above 0"),
        (lambda config: config["members"][0].update(wait=1), "no setting members.0.wait"),
        (lambda config: config.update(weights={"pitch": 1.0}), "weighs 'pitch', which it has not"),
        (lambda config: config.update(weights={"speech": -1.0}), "weight of speech must be above 0"),
        (
            lambda config: config.update(joining={"text_neutral": -1, "voice_neutral": 1}),
            "text_neutral must be 0 or more",
        ),
        (lambda config: config.update(joining={"voice_neutral": 1}), "does not describe an STSER model.*text_neutral"),
        (lambda config: config["members"][0]["settings"]["head"].update(family="forest"), "whisper.*do not fit"),
        (lambda config: config["members"][0]["settings"]["head"].update(hidden=5), "tensors of.*whisper.*do not fit"),
        (lambda config: config["members"][0].update(kind="pitch"), "kind 'pitch', which no installed package provides"),
        (lambda config: config["members"][0].update(kind="pitch", package="stser-pitch"), "; install stser-pitch,"),
    ],
    ids=[
        "twice",
        "temperature",
        "unknown key",
        "weight of nobody",
        "weight",
        "joining",
        "half of it",
        "family",
        "shape",
        "kind",
        "package",
    ],
)
def test_what_is_wrong_is_said(listen, change, message):
    folder = listen()
    edit(folder, change)

    with pytest.raises(CheckpointError, match=message):
        recognizer(folder)


def test_a_member_that_nobody_asks_need_not_be_there(listen):
    folder = listen()
    edit(folder, lambda config: config["members"][0].update(kind="pitch"))

    assert score(folder, Spoken(SOUND), classifier="speech")[0].emotion


@pytest.mark.parametrize("content", [b"no tensors", b"\x80\x04pickled"])
def test_only_safetensors_are_read(listen, content):
    folder = listen()
    (folder / "whisper.safetensors").write_bytes(content)

    with pytest.raises(CheckpointError, match=r"whisper.safetensors cannot be read"):
        recognizer(folder)


def test_weights_that_are_no_numbers_are_refused(listen):
    folder = listen()
    weights = safetensors.torch.load_file(folder / "whisper.safetensors")
    weights["mean"][0] = float("nan")
    safetensors.torch.save_file(weights, folder / "whisper.safetensors")

    with pytest.raises(CheckpointError, match="no numbers, in mean"):
        recognizer(folder)
