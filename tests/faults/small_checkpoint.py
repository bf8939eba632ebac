"""A checkpoint of all three classifiers that is small enough to be loaded thousands of times."""

from pathlib import Path

from tokenizers import Tokenizer as Pieces
from tokenizers.models import Unigram

from stser_core import config
from stser_core.model import Stser
from stser_core.tokenizer import Tokenizer
from stser_core.training.presets import PAPER
from stser_core.training.saving import save

_SIZES = {"vocab_size": 40, "embedding_size": 4, "hidden_size": 12, "intermediate_size": 8}
_SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁")


def write_checkpoint(folder: Path) -> None:
    """Write it; it is untrained."""
    albert = config.AlbertConfig(**_SIZES, num_hidden_layers=1, num_attention_heads=3, max_position_embeddings=32)
    whole = config.CheckpointConfig(
        features=config.FeatureConfig(mel_bands=24, n_fft=400, low_hz=0.0, mel_scale="slaney", normalise="peak"),
        front_end=config.FrontEndConfig(model="tiny", layers=1, size=8, heads=2),
        speaker_baseline=config.SpeakerBaselineConfig(),
        smodel=config.SmodelConfig(blocks=(config.ConvConfig(8, kernel=(1, 3), pool=(1, 1)),), lstm_units=4),
        tmodel=config.TmodelConfig(encoder="tiny", albert=albert, pooling="mean", maximum_pieces=32),
        classifiers=PAPER.classifiers,
    )
    letters = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    pieces = Pieces(Unigram([*((name, 0.0) for name in _SPECIAL), *letters], unk_id=1))
    save(folder, Stser(whole), Tokenizer(pieces, 32), "---\nlicense: apache-2.0\n---\nFor tests.\n")
