"""The `transformers` Trainer for models that read text alone: judged, kept and resumable every few hundred steps."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from stser_core.training.batches import LengthBatches
from stser_core.training.run_folder import STEPS_FOLDER, last_step

if TYPE_CHECKING:
    from torch import nn
    from transformers.trainer_utils import EvalPrediction

    from stser_core.training.text_encoder.sentences import SentenceCollator, Sentences

JUDGED_EVERY = 500
_WARM_UP = 300


class TextTrainer(Trainer):
    """Trains on batches of similar length."""

    def __init__(
        self,
        model: nn.Module,
        folder: Path,
        train: Sentences,
        judged: Sentences,
        collator: SentenceCollator,
        batches: LengthBatches,
        figures: Callable[[EvalPrediction], dict[str, float]],
        *,
        epochs: float,
        learning_rate: float,
        seed: int,
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        """Prepare.

        Args:
            model: Gives `loss` and whatever `figures` reads.
            folder: The run's; its steps are kept in it.
            train: What is learnt from.
            judged: What is not.
            collator: Of both.
            batches: Of `train`.
            figures: What is told of the answers to `judged`.
            epochs: How often the batches are gone through.
            learning_rate: At its highest; it falls as a cosine does.
            seed: Fixes everything that is drawn.
            optimizer: AdamW over all that the model has, by default.
        """
        self._folder, self._train, self._collator, self._batches = folder, train, collator, batches
        super().__init__(
            model=model,
            args=_arguments(folder / STEPS_FOLDER, batches, epochs, learning_rate, seed),
            data_collator=collator,
            train_dataset=train,
            eval_dataset=judged,
            compute_metrics=figures,
            optimizers=(optimizer, None),
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our own batches."""
        loader = DataLoader(self._train, batch_sampler=self._batches, collate_fn=self._collator)
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def go_on(self) -> None:
        """Train, from where an earlier run in this folder stopped."""
        step = last_step(self._folder)
        self.train(resume_from_checkpoint=None if step is None else str(step))


def _arguments(
    folder: Path, batches: LengthBatches, epochs: float, learning_rate: float, seed: int
) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=batches.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=learning_rate,
        weight_decay=0.01,
        lr_scheduler_type="cosine",
        warmup_steps=min(_WARM_UP, math.ceil(len(batches) * epochs) // 4),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=JUDGED_EVERY,
        save_strategy="steps",
        save_steps=JUDGED_EVERY,
        save_total_limit=1,
        logging_steps=JUDGED_EVERY,
        label_names=["targets"],
        remove_unused_columns=False,
        report_to=[],
        seed=seed,
        data_seed=seed,
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=not sys.stderr.isatty(),
    )
