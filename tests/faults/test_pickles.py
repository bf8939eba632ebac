"""No pickle is ever opened, wherever weights are read and whatever they are called: what it would run does not run."""

import pickle
import zipfile
from pathlib import Path

import pytest
from small_checkpoint import write_checkpoint

from stser_core.config import EncoderEntry
from stser_core.encoders import load
from stser_core.errors import CheckpointError, StserError
from stser_core.recognizer import EmotionRecognizer


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


@pytest.mark.parametrize("file", ["model.safetensors", "front_end.safetensors", "config.json", "tokenizer.json"])
def test_no_file_of_a_checkpoint(file, trap, sprung, tmp_path):
    write_checkpoint(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / file).write_bytes(trap)
    with pytest.raises(CheckpointError, match=file):
        EmotionRecognizer.load(tmp_path / "checkpoint")
    assert not sprung.exists()


@pytest.mark.slow
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
        load("hub", EncoderEntry("hub", 0, {"model": str(tmp_path)}), {})
    assert not sprung.exists()
