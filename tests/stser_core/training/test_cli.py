"""`stser-train`: what its options choose, and what it says of those that do not fit."""

import pytest
from making import clip

from stser_core.errors import DataError, UsageError
from stser_core.training.cli import main
from stser_core.training.further import parse_encoder
from stser_core.training.options import Chosen

WHO = (("anna", "Ses1"), ("ben", "Ses1"), ("cleo", "Ses2"), ("dan", "Ses3"))
CLIPS = tuple(clip(n, speaker=speaker, session=session) for n, (speaker, session) in enumerate(WHO, start=1))


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        ({}, "1234"),
        ({"session": ["Ses1", "Ses3"]}, "124"),
        ({"session": ["Ses1"], "speaker": ["ben", "cleo"]}, "2"),
        ({"split": "test"}, "5"),
    ],
)
def test_clips_are_chosen_by_session_speaker_and_split(choice, numbers):
    clips = (*CLIPS, clip(5, split="test")) if "split" in choice else CLIPS
    assert "".join(one.id[2:] for one in Chosen(**choice).of(clips)) == numbers


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"session": ["Ses1", "Ses05"]}, r"'Ses05'.*Ses1, Ses2, Ses3"),
        ({"speaker": ["zoe"]}, r"'zoe'.*anna, ben, cleo"),
        ({"split": "test"}, "--split"),
        ({"session": ["Ses1"], "speaker": ["dan"]}, "--session, --speaker"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(choice, said):
    with pytest.raises(DataError, match=said):
        Chosen(**choice).of(CLIPS)


def test_without_arguments_it_says_what_it_can_do(capsys):
    assert main([]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: stser-train") and "cross-validate" in said.out and said.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ("fit --corpus nowhere", 2, "nowhere"),
        ("fit --corpus iemocap --corpus emodb", 2, "in pairs"),
        ("fit --preset huge", 2, "--preset"),
        ("fit --test-share 0.2", 2, "--test-proportion"),
        ("fit --epochs none", 2, "--epochs"),
        ("fit --seed -1", 2, "--seed"),
        ("fit --learning-rate 0", 2, "--learning-rate"),
        ("fit --validation-proportion 1.5", 2, "--validation-proportion"),
        ("fit --text-encoder /nonexistent", 2, "the folder /nonexistent does not exist"),
        ("fit --classifiers speech --text-encoder albert-base-v2", 2, "no classifier of this recipe"),
        ("fit --checkpoint default", 2, "--checkpoint goes with --encoder"),
        ("fit --held-out-call one", 2, "needs --routine"),
        ("fit --encoder x=hub:y --test-proportion 0.2", 2, "--test-proportion has no effect with --encoder"),
        ("fit --encoder x=hub:y", 2, "holds a checkpoint"),
        ("fit --encoder x=hub:y --overwrite", 1, "nothing.csv does not exist"),
        ("fit", 1, "nothing.csv does not exist"),
        ("evaluate --split dev", 2, "'test'"),
        ("evaluate --prior even", 2, "--prior has no effect without --streams"),
        ("evaluate --streams --band both", 2, "--band has no effect with --streams"),
        ("evaluate --json {data}", 2, "is the data itself"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(arguments, code, complaint, tmp_path, capsys):
    data = tmp_path / ("texts.csv" if "--json" in arguments else "nothing.csv")
    if "--json" in arguments:
        data.write_text("text,label\nhello,neutral\n")
    (tmp_path / "checkpoint").mkdir()
    command, *options = arguments.format(data=data).split()
    place = ["--out", str(tmp_path)] if command == "fit" else ["--checkpoint", "default"]
    place += [] if "--corpus" in options else ["--corpus", "manifest"]
    assert main([command, *place, "--data", str(data), *options]) == code
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1
    assert not data.exists() or data.read_text().startswith("text,label")


def test_streams_need_clips_or_calls(capsys):
    assert main(["evaluate", "--checkpoint", "default", "--streams"]) == 2
    assert "--routine FOLDER" in capsys.readouterr().err


def test_an_encoder_is_written_in_one_option():
    name, hub = parse_encoder("wavlm=hub:microsoft/wavlm-base-plus,layer=6")
    assert (name, hub.type, hub.settings) == ("wavlm", "hub", {"model": "microsoft/wavlm-base-plus", "layer": 6})
    assert parse_encoder("x=other:kind=small,n=3")[1].settings == {"kind": "small", "n": 3}
    for wrong in ("wavlm", "=hub:a", "wavlm=hub:", "x=other:small"):
        with pytest.raises(UsageError, match="NAME=hub:MODEL_ID"):
            parse_encoder(wrong)
