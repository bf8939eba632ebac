"""A checkpoint of all three classifiers that is small enough to be loaded thousands of times."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer as Pieces
from tokenizers.models import Unigram

from stser_core import checkpoint
from stser_core.features import FeatureSettings
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import Stser, StserSettings
from stser_core.tmodel import TextSettings, Tokenizer

ALBERT = {
    "vocab_size": 40,
    "embedding_size": 4,
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 3,
    "intermediate_size": 8,
    "max_position_embeddings": 32,
}
_SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁")


def write_checkpoint(folder: Path) -> None:
    """Write it; it has learnt nothing."""
    settings = StserSettings(
        features=FeatureSettings(mel_bands=24),
        classifiers=("speech", "text", "bimodal"),
        speech=SpeechSettings(blocks=(ConvSettings(4),), lstm_units=4),
        text=TextSettings(encoder="tiny", albert=ALBERT, pooling="mean", maximum_pieces=32),
    )
    letters = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    pieces = Pieces(Unigram([*((name, 0.0) for name in _SPECIAL), *letters], unk_id=1))
    checkpoint.save(folder, Stser(settings), Tokenizer(pieces, 32), "---\nlicense: apache-2.0\n---\nFor tests.\n")
