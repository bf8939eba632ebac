"""A tiny sentence encoder in the Hub's format, and texts that are alike or not."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def texts() -> list[str]:
    who = ("I", "You", "We", "They", "My friends", "The neighbours")
    what = ("love", "hate", "miss", "want", "forgot", "painted")
    which = ("this old house.", "the rain!", "your red car?", "our long walks.")
    return [" ".join(words) for words in product(who, what, which)]


@pytest.fixture(scope="session")
def sentence_encoder(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """A BERT with a vocabulary of whole words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("sentences")
    words = sorted({word for text in texts for word in text.lower().strip(".!?").split()})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    pieces = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    pieces.normalizer = normalizers.Lowercase()
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.5,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
