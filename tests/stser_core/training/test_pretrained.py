"""A text encoder in the Hub's format becomes the tmodel; what is not one, or not all of it, is named."""

import json
import shutil

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file, save_file

from stser_core.errors import CheckpointError
from stser_core.training.run import pretrained


@pytest.fixture
def folder(text_encoder, tmp_path):
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
    return lambda folder: (folder / "config.json").write_text(
        json.dumps(json.loads((folder / "config.json").read_text()) | changes)
    )


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
