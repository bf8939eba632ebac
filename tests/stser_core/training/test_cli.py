"""`stser-train`: what its options choose, and what it says of those that do not fit."""

import pytest
from making import clip

from stser_core.errors import DataError
from stser_core.training.cli import main
from stser_core.training.options import Chosen

WHO = (("anna", "Ses1"), ("ben", "Ses1"), ("cleo", "Ses2"), ("dan", "Ses3"))
CLIPS = tuple(clip(n, speaker=speaker, session=session) for n, (speaker, session) in enumerate(WHO, start=1))


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        ({}, "1234"),
        ({"session": ["Ses1", "Ses3"]}, "124"),
        ({"speaker": ["cleo"]}, "3"),
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
    assert said.out.startswith("Usage: stser-train") and "cross-validate" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--corpus", "nowhere"], 2, "nowhere"),
        (["--corpus", "iemocap", "--corpus", "emodb"], 2, "in pairs"),
        (["--preset", "huge"], 2, "--preset"),
        (["--test-share", "0.2"], 2, "--test-proportion"),
        (["--epochs", "none"], 2, "--epochs"),
        (["--seed", "-1"], 2, "--seed"),
        (["--learning-rate", "0"], 2, "--learning-rate"),
        (["--validation-proportion", "1.5"], 2, "--validation-proportion"),
        (["--text-encoder", "/nonexistent"], 2, "the folder /nonexistent does not exist"),
        (["--classifiers", "speech", "--text-encoder", "albert-base-v2"], 2, "no classifier of this recipe"),
        (["--checkpoint", "default"], 2, "--checkpoint goes with --encoder"),
        (["--held-out-call", "one"], 2, "needs --routine"),
        (["--encoder", "x=hub:y", "--test-proportion", "0.2"], 2, "--test-proportion has no effect with --encoder"),
        ([], 1, "nothing.csv does not exist"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(arguments, code, complaint, tmp_path, capsys):
    place = ["--data", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "run")]
    corpus = [] if "--corpus" in arguments else ["--corpus", "manifest"]
    assert main(["fit", *place, *corpus, *arguments]) == code
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_checkpoint_is_not_replaced_by_one_with_another_encoder_unasked(tmp_path, capsys):
    (tmp_path / "checkpoint").mkdir()
    place = ["--corpus", "manifest", "--data", str(tmp_path / "nothing.csv"), "--out", str(tmp_path)]
    assert main(["fit", *place, "--encoder", "x=hub:y"]) == 2
    assert f"{tmp_path} holds a checkpoint" in capsys.readouterr().err
    assert main(["fit", *place, "--encoder", "x=hub:y", "--overwrite"]) == 1
    assert "nothing.csv does not exist" in capsys.readouterr().err


def test_results_are_not_written_over_what_is_evaluated(tmp_path, capsys):
    manifest = tmp_path / "texts.csv"
    manifest.write_text("text,label\nhello,neutral\n")
    place = ["--corpus", "manifest", "--data", str(manifest), "--json", str(manifest)]
    assert main(["evaluate", "--checkpoint", "default", *place]) == 2
    assert "is the data itself" in capsys.readouterr().err
    assert manifest.read_text().startswith("text,label")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--streams"], "--routine FOLDER"),
        (["--split", "dev"], "'test'"),
        (["--prior", "even"], "--prior has no effect without --streams"),
        (["--streams", "--band", "both"], "--band has no effect with --streams"),
    ],
)
def test_evaluation_needs_something_that_is_there_and_has_an_effect(options, said, capsys):
    assert main(["evaluate", "--checkpoint", "default", *options]) == 2
    assert said in capsys.readouterr().err
