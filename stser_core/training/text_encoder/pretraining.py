"""One pre-training: texts and a teacher in, an ALBERT in the Hub's format out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from transformers import AlbertConfig, AlbertTokenizer, PreTrainedTokenizerFast, Trainer, TrainingArguments

from stser_core import bounds
from stser_core.errors import DataError, OutputError
from stser_core.text import normalise
from stser_core.tmodel import TextSettings, Tmodel
from stser_core.training.batches import LengthBatches
from stser_core.training.examples import Draw
from stser_core.training.run_folder import STEPS_FOLDER, last_step
from stser_core.training.text_encoder.distillation import Distillation, piece_embeddings
from stser_core.training.text_encoder.teacher import SentenceTeacher, embeddings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

_HELD_OUT = 2048
_FEWEST = 100
_JUDGED_EVERY = 500
_WARM_UP = 300

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
            bounds.check(name, getattr(self, name), 1)
        bounds.check("dropped", self.dropped, 0, 1)
        bounds.check("epochs", self.epochs, 0, above=True)
        bounds.check("learning_rate", self.learning_rate, 0, above=True)


class _Sentences(Dataset["_Sentence"]):
    """Texts as pieces, and the teacher's vectors of them."""

    def __init__(
        self, pieces: Sequence[NDArray[np.int32]], targets: NDArray[np.float16], rows: NDArray[np.int64]
    ) -> None:
        self._pieces = pieces
        self._targets = targets
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, draw: Draw | int) -> _Sentence:
        position = self._rows[draw.position if isinstance(draw, Draw) else draw]
        return _Sentence(self._pieces[position], self._targets[position], draw)

    def lengths(self) -> list[int]:
        return [len(self._pieces[position]) for position in self._rows]


class _Sentence(NamedTuple):
    pieces: NDArray[np.int32]
    target: NDArray[np.float16]
    draw: Draw | int


class _Collator:
    """Puts texts into a padded batch; of those that are learnt from, some pieces are left out."""

    def __init__(self, dropped: float, seed: int) -> None:
        self._dropped = dropped
        self._seed = seed

    def __call__(self, sentences: Sequence[_Sentence]) -> dict[str, Tensor]:
        pieces = [torch.from_numpy(self._kept(one).astype(np.int64)) for one in sentences]
        lengths = torch.tensor([len(one) for one in pieces])
        padded = pad_sequence(pieces, batch_first=True)
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        targets = torch.from_numpy(np.stack([one.target for one in sentences]).astype(np.float32))
        return {"pieces": padded, "mask": mask, "targets": targets}

    def _kept(self, sentence: _Sentence) -> NDArray[np.int32]:
        if not isinstance(sentence.draw, Draw):
            return sentence.pieces
        dice = np.random.default_rng((self._seed, sentence.draw.epoch, sentence.draw.position))
        kept = dice.random(len(sentence.pieces)) >= self._dropped
        kept[[0, -1]] = True
        return sentence.pieces[kept]


class _DistillationTrainer(Trainer):
    """The `transformers` Trainer with batches of similar length."""

    def __init__(
        self,
        model: Distillation,
        arguments: TrainingArguments,
        train: _Sentences,
        judged: _Sentences,
        collator: _Collator,
        batches: LengthBatches,
    ) -> None:
        super().__init__(
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=train,
            eval_dataset=judged,
            compute_metrics=lambda prediction: {"cosine": float(np.mean(prediction.predictions))},
        )
        self._train = train
        self._collator = collator
        self._batches = batches

    def get_train_dataloader(self) -> DataLoader[Any]:
        loader = DataLoader(self._train, batch_sampler=self._batches, collate_fn=self._collator)
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared


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
    judged, train = (_Sentences(pieces, targets, rows) for rows in np.split(order, [min(_HELD_OUT, len(texts) // 10)]))
    trainer = _DistillationTrainer(
        model,
        _arguments(settings, folder / STEPS_FOLDER),
        train,
        judged,
        _Collator(settings.dropped, settings.seed),
        LengthBatches(train.lengths(), np.ones(len(train)).tolist(), settings.batch, settings.seed),
    )
    step = last_step(folder)
    trainer.train(resume_from_checkpoint=None if step is None else str(step))
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


def _arguments(settings: Pretraining, folder: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=64,
        learning_rate=settings.learning_rate,
        weight_decay=0.01,
        lr_scheduler_type="cosine",
        warmup_steps=_WARM_UP,
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=_JUDGED_EVERY,
        save_strategy="steps",
        save_steps=_JUDGED_EVERY,
        save_total_limit=1,
        logging_steps=_JUDGED_EVERY,
        label_names=["targets"],
        remove_unused_columns=False,
        report_to=[],
        seed=settings.seed,
        data_seed=settings.seed,
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=not sys.stderr.isatty(),
    )


def _save(tmodel: Tmodel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    try:
        tmodel.albert.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise OutputError(f"The text encoder cannot be written to {folder} ({error.strerror}).") from error
    return folder
