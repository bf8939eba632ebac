"""Labels for texts that have none: a sentence encoder, fine-tuned on labelled texts, says how likely each emotion is.

A compact text classifier that learns from the opinions of a larger one about many more texts comes close to it
(Hinton et al. 2015, https://arxiv.org/abs/1503.02531; for text classifiers Turc et al. 2019, https://arxiv.org/abs/1908.08962).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stser_core.settings import check
from stser_core.emotions import LABELS
from stser_core.errors import DataError, OutputError
from stser_core.text import normalise
from stser_core.training.batches import LengthBatches, draw_weights
from stser_core.training.metrics import measure, temperature
from stser_core.training.progress import progress
from stser_core.training.text_encoder.sentences import SentenceCollator, Sentences
from stser_core.training.text_encoder.teacher import load_encoder
from stser_core.training.text_encoder.text_trainer import TextTrainer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast
    from transformers.trainer_utils import EvalPrediction

    from stser_core.training.clip import Clip

TEXTS_FILE = "texts.tsv"

_CORPUS = "unlabelled"
_LONGEST = 64
_BATCH = 64


@dataclass(frozen=True)
class Labelling:
    """How a sentence encoder is fine-tuned.

    Attributes:
        epochs: Over the labelled texts.
        batch: Texts in a batch.
        learning_rate: At its highest; of the classifier upon the encoder, ten times that.
        dropped: Share of a text's pieces that are left out, as a recogniser drops words.
        smoothing: Share of each target that is spread over all labels.
        balance_corpora: Corpora are drawn in proportion to their size to this power, and labels alike within each.
        seed: Fixes everything that is drawn.

    Raises:
        UsageError: A number is out of its bounds.
    """

    epochs: float = 1.5
    batch: int = 32
    learning_rate: float = 5e-5
    dropped: float = 0.08
    smoothing: float = 0.1
    balance_corpora: float = 0.35
    seed: int = 0

    def __post_init__(self) -> None:
        check("batch", self.batch, 1)
        check("epochs", self.epochs, 0, above=True)
        check("learning_rate", self.learning_rate, 0, above=True)
        check("dropped", self.dropped, 0, 0.9)
        check("smoothing", self.smoothing, 0, 0.9)
        check("balance_corpora", self.balance_corpora, 0, 1)


class SentenceClassifier(nn.Module):
    """A sentence encoder with a linear classifier upon the mean over its pieces."""

    def __init__(self, encoder: nn.Module, width: int) -> None:
        """Put a classifier on an encoder.

        Args:
            encoder: In the Hub's format.
            width: Length of its vectors.
        """
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, len(LABELS)))

    def forward(self, pieces: Tensor, mask: Tensor, targets: Tensor | None = None) -> dict[str, Tensor]:
        """Judge a batch.

        Args:
            pieces: int64 [batch, n].
            mask: int64 [batch, n].
            targets: float32 [batch, labels], how likely each label is.

        Returns:
            `loss`, where there are targets, and `logits` float32 [batch, labels].
        """
        with torch.autocast(pieces.device.type, torch.bfloat16, enabled=pieces.device.type == "cpu"):
            hidden = self.encoder(input_ids=pieces, attention_mask=mask).last_hidden_state
        inside = mask[:, :, None]
        logits: Tensor = self.classifier((hidden.float() * inside).sum(1) / inside.sum(1))
        loss = {} if targets is None else {"loss": cross_entropy(logits, targets)}
        return {**loss, "logits": logits}


def label_texts(
    labelled: Sequence[Clip], texts: Sequence[str], encoder: str, settings: Labelling, folder: Path
) -> tuple[Path, float]:
    """Fine-tune a sentence encoder, and write down what it says of texts. Called again, it goes on where it stopped.

    Args:
        labelled: Texts with labels; those of the split `validation` judge, those of `test` are not looked at.
        texts: What is to be labelled, as it is written.
        encoder: A Hub id or a folder.
        settings: See `Labelling`.
        folder: Where the run is kept.

    Returns:
        A manifest of the texts with a column for each label, and the encoder's own UA on the validation texts.

    Raises:
        DataError: There is nothing to learn from or to judge by, or the encoder cannot be loaded.
        OutputError: The folder cannot be written.
    """
    train, judged = (_of(labelled, *splits) for splits in ((None, "train"), ("validation",)))
    if not train or not judged:
        raise DataError("Labelled texts are needed in the splits train and validation, to learn from and to judge by.")
    tokenizer, model = load_encoder(encoder)
    torch.manual_seed(settings.seed)
    classifier = SentenceClassifier(model, int(model.config.hidden_size))
    trainer = _trainer(classifier, tokenizer, train, judged, settings, folder)
    trainer.go_on()
    answers: Any = trainer.predict(cast("Any", trainer.eval_dataset))
    truth = answers.label_ids.argmax(axis=1)
    divisor = temperature(truth, answers.predictions)
    shares = _shares(classifier.eval(), tokenizer, texts, divisor)
    return _written(texts, shares, folder / TEXTS_FILE), measure(truth, answers.predictions).ua


def _of(clips: Sequence[Clip], *splits: str | None) -> list[Clip]:
    return [clip for clip in clips if clip.text and clip.split in splits]


def _trainer(
    classifier: SentenceClassifier,
    tokenizer: PreTrainedTokenizerFast,
    train: Sequence[Clip],
    judged: Sequence[Clip],
    settings: Labelling,
    folder: Path,
) -> TextTrainer:
    clips = [*train, *judged]
    pieces = _pieces(tokenizer, [clip.text or "" for clip in clips])
    targets = np.stack(
        [_target(clip, settings.smoothing if place < len(train) else 0) for place, clip in enumerate(clips)]
    )
    learnt, held = (Sentences(pieces, targets, rows) for rows in np.split(np.arange(len(clips)), [len(train)]))
    weights = draw_weights(train, balance_labels=True, balance_corpora=settings.balance_corpora)
    return TextTrainer(
        classifier,
        folder,
        learnt,
        held,
        SentenceCollator(settings.dropped, settings.seed),
        LengthBatches(learnt.lengths(), weights.tolist(), settings.batch, settings.seed),
        _figures,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        optimizer=_optimizer(classifier, settings.learning_rate),
    )


def _optimizer(classifier: SentenceClassifier, rate: float) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [
        {"params": list(classifier.encoder.parameters())},
        {"params": list(classifier.classifier.parameters()), "lr": 10 * rate},
    ]
    return torch.optim.AdamW(groups, rate, weight_decay=0.01)


def _figures(prediction: EvalPrediction) -> dict[str, float]:
    truth, logits = cast(
        "tuple[NDArray[np.float32], NDArray[np.float32]]", (prediction.label_ids, prediction.predictions)
    )
    return {"ua": measure(truth.argmax(axis=1), logits).ua}


def _target(clip: Clip, smoothing: float) -> NDArray[np.float32]:
    return np.array(clip.aim, dtype=np.float32) * (1 - smoothing) + smoothing / len(LABELS)


def _pieces(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    encoded = tokenizer([normalise(text, marks=True) for text in texts], truncation=True, max_length=_LONGEST)
    return [np.asarray(one, dtype=np.int32) for one in encoded["input_ids"]]


@torch.inference_mode()
def _shares(
    classifier: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], divisor: float
) -> NDArray[np.float32]:
    """How likely each label is: float32 [texts, labels]."""
    device = next(classifier.parameters()).device
    shares = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    starts = range(0, len(texts), _BATCH)
    for start in progress(starts, "Labelling", len(starts)):
        rows = by_length[start : start + _BATCH]
        batch = tokenizer(
            [normalise(texts[i], marks=True) for i in rows],
            padding=True,
            truncation=True,
            max_length=_LONGEST,
            return_tensors="pt",
        ).to(device)
        logits = classifier(batch["input_ids"], batch["attention_mask"])["logits"]
        shares[rows] = (logits / divisor).softmax(dim=1).cpu().numpy()
    return shares


def _written(texts: Sequence[str], shares: NDArray[np.float32], path: Path) -> Path:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter="\t", lineterminator="\n")
            table.writerow(["corpus", "split", "text", *LABELS])
            for text, row in zip(texts, shares, strict=True):
                table.writerow([_CORPUS, "train", " ".join(text.split()), *(f"{share:.4f}" for share in row)])
    except OSError as error:
        raise OutputError(f"The labelled texts cannot be written to {path} ({error.strerror}).") from error
    return path
