"""Options, recipes and text encoders of `stser-train`: what they choose, and what is said of those that do not fit."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from making import clip
from msgspec.structs import replace
from safetensors.torch import load_file, save_file

from stser_core.errors import CheckpointError, DataError, UsageError
from stser_core.training.augmentation import Augmentation
from stser_core.training.cli import main
from stser_core.training.further import parse_encoder
from stser_core.training.loop import LoopConfig
from stser_core.training.options import Chosen
from stser_core.training.presets import DEFAULT
from stser_core.training.recipe import Recipe
from stser_core.training.run import pretrained

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
        *(
            (f"fit --encoder x=hub:y {option}", 2, f"{option.split()[0]} has no effect with --encoder")
            for option in ("--patience 0", "--preset paper", "--classifiers text", "--text-encoder x")
        ),
        ("fit --encoder x=hub:y --held-out-call one", 2, "--held-out-call has no effect with --encoder"),
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


def test_streams_need_clips_or_calls(tmp_path, capsys):
    arguments = ["evaluate", "--checkpoint", "default", "--streams"]
    assert main(arguments) == 2
    assert "--routine FOLDER" in capsys.readouterr().err
    texts = tmp_path / "texts.csv"
    texts.write_text("text,label\nhello,neutral\n")
    assert main([*arguments, "--corpus", "manifest", "--data", str(texts)]) == 1
    assert "no stream" in capsys.readouterr().err


def test_an_encoder_is_written_in_one_option():
    name, hub = parse_encoder("wavlm=hub:microsoft/wavlm-base-plus,layer=6")
    assert (name, hub.type, hub.settings) == ("wavlm", "hub", {"model": "microsoft/wavlm-base-plus", "layer": 6})
    assert parse_encoder("x=other:kind=small,n=3")[1].settings == {"kind": "small", "n": 3}
    for wrong in ("wavlm", "=hub:a", "wavlm=hub:", "x=other:small"):
        with pytest.raises(UsageError, match="NAME=hub:MODEL_ID"):
            parse_encoder(wrong)


def read(content: bytes, folder: Path) -> Recipe:
    (folder / "recipe.json").write_bytes(content)
    return Recipe.read(folder / "recipe.json")


def test_a_recipe_is_read_as_it_was_written_and_those_of_the_default_checkpoint_are_recipes(tmp_path: Path) -> None:
    augmentation, loop = Augmentation(lines=0.5, crop_s=(0.4, 2.0)), LoopConfig(epochs=3, text_learning_rate=1e-5)
    recipe = Recipe(model=DEFAULT, loop=loop, augmentation=augmentation)
    assert read(recipe.to_json(), tmp_path) == recipe
    assert read(b'\xef\xbb\xbf{"loop": {"epochs": 3}}', tmp_path) == Recipe(loop=LoopConfig(epochs=3))
    for name in ("speech", "text", "bimodal"):
        assert Recipe.read(Path(f"scripts/recipes/{name}.json")).loop.optimizer == "adamw"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"epohcs": 3}', "epohcs"),
        ('{"augmentation": {"lines": 1.5}}', r"<= 1\.0 - at .*augmentation\.lines"),
        ('{"augmentation": {"crop_s": [2, 1]}}', r"augmentation\.crop_s"),
        ('{"pairs": {"agreeing": -1}}', r"pairs\.agreeing"),
        ('{"loop": {"text_learning_rate": 0}}', r"loop\.text_learning_rate"),
        ('{"loop": {"best_by": "last"}}', "set patience to 0"),
        ('{"routine": 1}', r"\$\.routine"),
        ('{"frozen": ["nose"]}', "no part 'nose'"),
        ("{", "is not a recipe"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        read(content.encode(), tmp_path)
    assert "recipe.json" in str(raised.value)


@pytest.fixture
def folder(text_encoder, tmp_path):
    """A text encoder in the Hub's format."""
    return shutil.copytree(text_encoder, tmp_path / "mine")


def renamed(folder, prefix="", without="."):
    """The weights as a model with a head has them."""
    path = folder / "model.safetensors"
    weights = {f"{prefix}{name}": one for name, one in load_file(path).items() if not name.startswith(without)}
    save_file(weights | {"head.bias": torch.zeros(3)}, path, {"format": "pt"})


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_its_shape_weights_and_word_pieces_are_taken(folder, config, tokenizer, pooling):
    stored = load_file(folder / "model.safetensors")
    renamed(folder, prefix="albert.")
    tmodel, pieces = pretrained(replace(config.tmodel, encoder=str(folder), pooling=pooling))
    assert (tmodel.config.encoder, tmodel.config.albert) == ("mine", config.tmodel.albert)
    assert (tmodel.albert.pooler is None) == (pooling == "mean")
    assert all(torch.equal(one, stored[name]) for name, one in tmodel.albert.state_dict().items())
    assert (pieces(["so what?"]).pieces == tokenizer(["so what?"]).pieces).all()


def described(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (described(model_type="bert"), "is not an ALBERT's; its model_type is 'bert'"),
        (described(hidden_act="swish"), "does not describe an ALBERT .*swish"),
        (described(hidden_size=24), "of another shape"),
        (lambda folder: (folder / "config.json").unlink(), "No such file"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read as weights"),
        (lambda folder: renamed(folder, without="pooler"), "2 tensors are missing"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be read as a tokenizer"),
        (shutil.rmtree, "could not be downloaded"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(folder, config, damage, complaint):
    damage(folder)
    with pytest.raises(CheckpointError, match=complaint) as raised:
        pretrained(replace(config.tmodel, encoder=str(folder), pooling="cls"))
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)
