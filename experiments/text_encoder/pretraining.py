"""One pre-training: texts and a teacher in, an ALBERT in the Hub's format out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import AlbertConfig, AlbertTokenizer, PreTrainedTokenizerFast

from stser_core.settings import check
from stser_core.errors import DataError, OutputError
from stser_core.text import normalise
from stser_core.tmodel import TextSettings, Tmodel
from stser_core.training.batches import LengthBatches
from stser_core.training.text_encoder.distillation import Distillation, piece_embeddings
from stser_core.training.text_encoder.sentences import SentenceCollator, Sentences
from stser_core.training.text_encoder.teacher import SentenceTeacher, embeddings
from stser_core.training.text_encoder.text_trainer import TextTrainer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HELD_OUT = 2048
_FEWEST = 100

ENCODER_FOLDER = "encoder"


@dataclass(frozen=True)
class Pretraining:
    """What a pre-training is decided by.

    Attributes:
        embedding: Length of a piece's embedding.
        hidden: Width of the encoder.
        layers: How often the one shared layer is passed.
        heads: Of its self-attention.
        maximum_pieces: Longer texts lose their end.
        dropped: Share of a text's pieces that are left out, as a recogniser drops words.
        epochs: Over all texts.
        batch: Texts in a batch.
        learning_rate: At its highest.
        seed: Fixes everything that is drawn.

    Raises:
        UsageError: A number is out of its bounds.
    """

    embedding: int = 128
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    maximum_pieces: int = 64
    dropped: float = 0.05
    epochs: float = 2.0
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("embedding", "hidden", "layers", "heads", "maximum_pieces", "batch"):
            check(name, getattr(self, name), 1)
        check("dropped", self.dropped, 0, 1)
        check("epochs", self.epochs, 0, above=True)
        check("learning_rate", self.learning_rate, 0, above=True)


def pretrain(
    texts: Sequence[str], teacher: SentenceTeacher, vocabulary: Path, settings: Pretraining, folder: Path, cache: Path
) -> Path:
    """Teach an ALBERT what a sentence encoder makes of texts. Called again, it goes on where it was stopped.

    Args:
        texts: As they are written; the ALBERT reads them normalised, the teacher as they are.
        teacher: The sentence encoder.
        vocabulary: Folder with ALBERT's `spiece.model` or `tokenizer.json`.
        settings: See `Pretraining`.
        folder: Where the run is kept; the encoder comes to lie in `encoder`.
        cache: Where the teacher's vectors are kept.

    Returns:
        The encoder's folder.

    Raises:
        DataError: There are too few texts, or the vocabulary cannot be read.
        OutputError: A folder cannot be written.
    """
    if len(texts) < _FEWEST:
        raise DataError(f"{len(texts)} texts are too few to pre-train on; give at least {_FEWEST}.")
    tokenizer = _tokenizer(vocabulary)
    targets = embeddings(teacher, texts, cache)
    torch.manual_seed(settings.seed)
    model = Distillation(_albert(tokenizer, teacher, settings), teacher.width)
    pieces = _pieces(tokenizer, texts, settings.maximum_pieces)
    order = np.random.default_rng(settings.seed).permutation(len(texts))
    judged, train = (Sentences(pieces, targets, rows) for rows in np.split(order, [min(_HELD_OUT, len(texts) // 10)]))
    TextTrainer(
        model,
        folder,
        train,
        judged,
        SentenceCollator(settings.dropped, settings.seed),
        LengthBatches(train.lengths(), np.ones(len(train)).tolist(), settings.batch, settings.seed),
        lambda prediction: {"cosine": float(np.mean(prediction.predictions))},
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
    ).go_on()
    return _save(model.tmodel, tokenizer, folder / ENCODER_FOLDER)


def _tokenizer(vocabulary: Path) -> PreTrainedTokenizerFast:
    try:
        tokenizer: PreTrainedTokenizerFast = AlbertTokenizer.from_pretrained(vocabulary)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"The vocabulary in {vocabulary} cannot be read ({reason}).") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise DataError(f"The vocabulary in {vocabulary} holds no pieces.")
    return tokenizer


def _albert(tokenizer: PreTrainedTokenizerFast, teacher: SentenceTeacher, settings: Pretraining) -> Tmodel:
    config = AlbertConfig(
        vocab_size=len(tokenizer),
        embedding_size=settings.embedding,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.hidden,
        max_position_embeddings=settings.maximum_pieces,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    tmodel = Tmodel(TextSettings("", config.to_diff_dict(), "mean", settings.maximum_pieces))
    words = [
        piece.replace("▁", " ").strip() or piece
        for piece in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    ]
    first = piece_embeddings(teacher.embed(words), settings.embedding)
    with torch.no_grad():
        tmodel.albert.embeddings.word_embeddings.weight.copy_(first)
    return tmodel


def _pieces(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], longest: int) -> list[NDArray[np.int32]]:
    backend = tokenizer.backend_tokenizer
    backend.enable_truncation(longest)
    backend.no_padding()
    normalised = (normalise(text) for text in texts)
    return [np.asarray(one.ids, dtype=np.int32) for one in backend.encode_batch(list(normalised))]


def _save(tmodel: Tmodel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    try:
        tmodel.albert.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise OutputError(f"The text encoder cannot be written to {folder} ({error.strerror}).") from error
    return folder
