"""Training of the two rival networks: the `transformers` Trainer, with the same batches and the same stopping rule."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from stser_core.emotions import LABELS
from stser_core.errors import DataError, MissingExtraError, OutputError
from stser_core.training.batches import LengthBatches
from stser_core.training.examples import Examples
from stser_core.training.rivals.network_batches import NetworkBatch

try:
    from transformers import (
        EarlyStoppingCallback,
        PrinterCallback,
        ProgressCallback,
        Trainer,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )
    from transformers.trainer_utils import EvalPrediction
except ImportError as error:
    raise MissingExtraError("Training a rival network", "rivals") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.training.rivals.judgeable import Judgeable
    from stser_core.training.rivals.network_batches import NetworkCollator
    from stser_core.training.sound_cache import SoundCache

_EVALUATION_BATCH = 32


@dataclass(frozen=True)
class TrainingSettings:
    """How a rival network is trained.

    Attributes:
        epochs: At most so many.
        patience: Epochs without a better validation accuracy (WA) before training stops.
        batch: Clips in a batch.
        learning_rate: Of Adam.
    """

    epochs: int = 60
    patience: int = 10
    batch: int = 32
    learning_rate: float = 1e-3


def train_and_answer(
    make: Callable[[], nn.Module],
    clips: Judgeable,
    sounds: SoundCache,
    collator: NetworkCollator,
    settings: TrainingSettings,
    cache: Path,
    seed: int,
) -> NDArray[np.float32]:
    """Train a network, go back to its best epoch by validation accuracy, and answer the test clips.

    Args:
        make: Makes a network that turns a `NetworkBatch` into logits, float32 [batch, labels].
        clips: All with sound and text.
        sounds: Has their sound.
        collator: Makes batches.
        settings: Of the training.
        cache: The weights of the best epoch lie here while training lasts.
        seed: Fixes weights, order and dropout.

    Returns:
        float32 [clips of `test`, labels], probabilities.

    Raises:
        DataError: There is nothing to validate with.
        OutputError: The cache cannot be written.
        MissingExtraError: accelerate is not installed.
    """
    if find_spec("accelerate") is None:
        raise MissingExtraError("Training a rival network", "rivals")
    if not clips.validation:
        raise DataError("A rival network has no validation clip with sound and text to stop by; add data.")
    train, validation, test = (Examples(part, sounds) for part in (clips.train, clips.validation, clips.test))
    lengths = [train.length(position) for position in range(len(train))]
    torch.manual_seed(seed)
    learner = Learner(make())
    batches = LengthBatches(lengths, [1.0] * len(lengths), settings.batch, seed)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix="rival-") as folder:
            trainer = NetworkTrainer(
                learner,
                settings,
                Path(folder),
                seed,
                train=train,
                batches=batches,
                validation=validation,
                collator=collator,
            )
            trainer.train()
    except OSError as error:
        raise OutputError(f"The folder {cache} cannot be written ({error.strerror}).") from error
    logits: Any = trainer.predict(test).predictions
    return torch.from_numpy(logits).softmax(dim=1).numpy()


class Learner(nn.Module):
    """A network with its loss: plain cross-entropy, as both papers have it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, sound: Tensor, frames: Tensor, words: Tensor, counts: Tensor, prosody: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Answer a batch, as `NetworkCollator` makes it.

        Returns:
            `loss`, a scalar, and `logits`, float32 [batch, labels].
        """
        logits: Tensor = self.network(NetworkBatch(sound, frames, words, counts, prosody))
        return {"loss": cross_entropy(logits, labels), "logits": logits}


class NetworkTrainer(Trainer):
    """Trains on batches of similar length and stops when validation accuracy no longer rises."""

    def __init__(
        self,
        learner: Learner,
        settings: TrainingSettings,
        folder: Path,
        seed: int,
        *,
        train: Examples,
        batches: LengthBatches,
        validation: Examples,
        collator: NetworkCollator,
    ) -> None:
        self._train_examples = train
        self._batches = batches
        self._collator = collator
        super().__init__(
            model=learner,
            args=_arguments(settings, folder, seed),
            data_collator=collator,
            train_dataset=train,
            eval_dataset=validation,
            compute_metrics=_accuracy,
            optimizers=(torch.optim.Adam(learner.parameters(), lr=settings.learning_rate), None),
            callbacks=[EarlyStoppingCallback(settings.patience)],
        )
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        if sys.stderr.isatty():
            self.add_callback(_Bar())

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our own batches."""
        loader = DataLoader(self._train_examples, batch_sampler=self._batches, collate_fn=self._collator)
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared


class _Bar(ProgressCallback):
    """A progress bar that prints no figures: a rival's own epochs interest nobody."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Print nothing."""


def _arguments(settings: TrainingSettings, folder: Path, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        max_grad_norm=1.0,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        save_only_model=True,
        logging_strategy="epoch",
        lr_scheduler_type="constant",
        load_best_model_at_end=True,
        metric_for_best_model="eval_wa",
        greater_is_better=True,
        label_names=["labels"],
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to=[],
        seed=seed,
        data_seed=seed,
        accelerator_config={"split_batches": True},
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        log_level="error",
    )


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    logits, labels = prediction.predictions, prediction.label_ids
    assert isinstance(logits, np.ndarray) and isinstance(labels, np.ndarray)
    return {"wa": float((logits[:, : len(LABELS)].argmax(axis=1) == labels).mean())}
