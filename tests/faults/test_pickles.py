"""No pickle is ever opened, wherever weights are read and whatever they are called: what it would run does not run."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from small_checkpoint import ALBERT, write_checkpoint
from transformers import AlbertConfig, AlbertModel

from stser_core.errors import CheckpointError, StserError
from stser_core.members.hub import HubEncoder
from stser_core.recognizer import Recognizer
from stser_core.tmodel import TextSettings, pretrained


class Trap:
    """A pickle that, when read, would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture
def sprung(tmp_path):
    """The file that every trap would write."""
    return tmp_path / "sprung"


@pytest.fixture(params=["pickle", "torch"])
def trap(request, sprung):
    """A trap as bare bytes, or packed as `torch.save` packs it."""
    if request.param == "pickle":
        return pickle.dumps(Trap(sprung))
    path = sprung.with_name("weights.pt")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap(sprung)))
        archive.writestr("archive/version", b"3\n")
    return path.read_bytes()


def test_the_trap_works(sprung):
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_no_file_of_a_checkpoint(file, trap, sprung, tmp_path):
    write_checkpoint(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / file).write_bytes(trap)
    with pytest.raises(CheckpointError, match=file):
        Recognizer.load(tmp_path / "checkpoint")
    assert not sprung.exists()


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_no_weights_of_a_text_encoder(file, trap, sprung, tmp_path):
    folder = tmp_path / "encoder"
    AlbertModel(AlbertConfig(**ALBERT)).save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(trap)
    with pytest.raises(CheckpointError, match="text encoder"):
        pretrained(TextSettings(encoder=str(folder)))
    assert not sprung.exists()


def test_weights_of_a_text_encoder_that_are_honest_but_pickled_are_refused(tmp_path):
    model = AlbertModel(AlbertConfig(**ALBERT))
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        pretrained(TextSettings(encoder=str(tmp_path)))


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_no_weights_of_an_audio_encoder(file, trap, sprung, tmp_path):
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    small |= {"conv_dim": (8,), "conv_kernel": (10,), "conv_stride": (5,), "num_feat_extract_layers": 1}
    Wav2Vec2Model(Wav2Vec2Config(**small, num_conv_pos_embedding_groups=2)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / file).write_bytes(trap)
    with pytest.raises(StserError):
        HubEncoder(str(tmp_path))
    assert not sprung.exists()
