"""The `transformers` Trainer with our batches, our optimizer and our figures."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader

from stser_core.errors import MissingExtraError
from stser_core.scores import CLASSIFIERS
from stser_core.training.metrics import measure

try:
    import accelerate  # noqa: F401 (the Trainer's own need)
    from transformers import (
        EarlyStoppingCallback,
        PrinterCallback,
        ProgressCallback,
        Trainer,
        TrainerCallback,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )
    from transformers.trainer_utils import EvalLoopOutput, EvalPrediction
except ImportError as error:
    raise MissingExtraError("Training", "train") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.ensemble import Ensemble
    from stser_core.training.batches import LengthBatches
    from stser_core.training.ctrl_c import CtrlC
    from stser_core.training.examples import Collator, Examples
    from stser_core.training.learner import Learner
    from stser_core.training.settings import Recipe

    _Array = NDArray[np.float32]

_BIMODAL = "bimodal"
_EVALUATION_BATCH = 32
_ON_CPU = not (torch.cuda.is_available() or torch.backends.mps.is_available())
_WORKERS = min(4, (os.cpu_count() or 1) - 1)
"""Processes that augment while the model learns; whatever they draw follows from the draw itself (`Examples`)."""


class StserTrainer(Trainer):
    """Trains a learner on batches of similar length, and judges it on examples that are never augmented."""

    def __init__(
        self,
        learner: Learner,
        recipe: Recipe,
        folder: Path,
        *,
        train: Examples,
        batches: LengthBatches,
        validation: Examples,
        training_collator: Collator,
        plain_collator: Collator,
    ) -> None:
        self._learner, self._batches = learner, batches
        _leave_cores_to_workers()
        self._train_examples = train
        self._training_collator = training_collator
        super().__init__(
            model=learner,
            args=_arguments(recipe, folder, len(batches) // recipe.accumulate),
            data_collator=plain_collator,
            train_dataset=train,
            eval_dataset=validation,
            compute_metrics=lambda prediction: {
                **figures(prediction, tuple(learner.stser.settings.classifiers), recipe.ensemble),
                "last": float(self.state.global_step),  # a figure that is highest in the last epoch
            },
            optimizers=(_optimizer(learner, recipe), None),
        )
        for callback in (ProgressCallback, PrinterCallback):  # the Trainer's own way of telling
            self.remove_callback(callback)
        for ours in (_EpochOf(batches), *_callbacks(recipe)):
            self.add_callback(ours)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our own batches; each process takes its part of every one."""
        loader = DataLoader(
            self._train_examples,
            batch_sampler=self._batches,
            collate_fn=self._training_collator,
            num_workers=_WORKERS,
            # A process that holds a GPU must not be forked without torch's leave.
            multiprocessing_context="fork" if _ON_CPU and _WORKERS and hasattr(os, "fork") else None,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def evaluation_loop(self, dataloader: DataLoader[Any], *args: Any, **kwargs: Any) -> EvalLoopOutput:  # noqa: ANN401
        """Judge; where voices are heard in turn, all are heard first, so that each epoch is judged alike."""
        if self._learner.bank is not None:
            self._learner.eval()
            with torch.inference_mode():
                for batch in dataloader:
                    self._learner.hear(**self._prepare_inputs(batch))
        return super().evaluation_loop(dataloader, *args, **kwargs)


def figures(prediction: EvalPrediction, classifiers: tuple[str, ...], ensemble: Ensemble) -> dict[str, float]:
    """WA and UA of each classifier and of their ensemble, on what each had to judge.

    Args:
        prediction: The logits of each classifier, in their order; targets and weights as `Collator` makes them.
        classifiers: Their names.
        ensemble: How their answers become one.
    """
    logits = prediction.predictions if isinstance(prediction.predictions, tuple) else (prediction.predictions,)
    targets, weights = cast("tuple[_Array, _Array]", prediction.label_ids)
    found: dict[str, float] = {}
    shares: dict[str, _Array] = {}
    judged = np.ones(len(targets), dtype=bool)
    for name, one in zip(classifiers, logits, strict=True):
        column = CLASSIFIERS.index(name)
        rows = weights[:, column] > 0
        shares[name] = torch.from_numpy(one).softmax(dim=1).numpy()
        judged &= rows
        if rows.any():
            one_measured = measure(targets[rows, column].argmax(axis=1), shares[name][rows])
            found |= {f"{name}_wa": one_measured.wa, f"{name}_ua": one_measured.ua}
    answer = answer_column(classifiers)
    if judged.any():
        measured = measure(targets[judged, answer].argmax(axis=1), ensemble.mean(shares)[judged])
        found |= {"wa": measured.wa, "ua": measured.ua}
    return found


def answer_column(classifiers: Sequence[str]) -> int:
    """Whose target the ensemble is judged by: one that hears and reads by what is right for both together."""
    return CLASSIFIERS.index(classifiers[0] if len(classifiers) == 1 else _BIMODAL)


def _leave_cores_to_workers() -> None:
    """As many threads as cores that no worker uses; where they are too many, they wait for each other."""
    if _ON_CPU and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - _WORKERS))


def _arguments(recipe: Recipe, folder: Path, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule if recipe.schedule == "cosine" else "constant_with_warmup",
        warmup_steps=math.ceil(recipe.warmup * steps * recipe.epochs),
        max_grad_norm=1.0,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{recipe.best_by}",
        greater_is_better=True,
        label_names=["targets", "weights"],
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to=["tensorboard"] if _tensorboard() else [],
        seed=recipe.seed,
        data_seed=recipe.seed,
        accelerator_config={"split_batches": True},
        ddp_find_unused_parameters=False,
        use_cpu=_ON_CPU,
        ddp_backend="gloo" if _ON_CPU and torch.distributed.is_torchelastic_launched() else None,
        disable_tqdm=not sys.stderr.isatty(),
        log_level="error",
    )


def _optimizer(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    text: list[Tensor] = []
    other: list[Tensor] = []
    for name, parameter in learner.named_parameters():
        (text if name.startswith("stser.tmodel.") else other).append(parameter)
    groups = [
        {"params": [one for one in group if one.requires_grad], "lr": rate}
        for group, rate in ((other, recipe.learning_rate), (text, recipe.text_learning_rate or recipe.learning_rate))
    ]
    kept = [group for group in groups if group["params"]]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(kept, lr=recipe.learning_rate)
    return torch.optim.AdamW(kept, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def _callbacks(recipe: Recipe) -> list[TrainerCallback]:
    stopping = [PatienceOverRuns(recipe.patience)] if recipe.patience else []
    return [EpochLinesAndBar() if sys.stderr.isatty() else EpochLines(), *stopping]


def _tensorboard() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None


class _EpochOf(TrainerCallback):
    """Tells the batches which epoch begins; not every release of the Trainer reaches them through its own loader."""

    def __init__(self, batches: LengthBatches) -> None:
        self._batches = batches

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Set it."""
        self._batches.set_epoch(round(state.epoch or 0))


class EpochLines(TrainerCallback):
    """One line an epoch, where nobody watches: in a log file, say."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Print the epoch's figures once its evaluation is there."""
        line = _epoch_line(state, logs)
        if line:
            print(line, file=sys.stderr, flush=True)


class EpochLinesAndBar(ProgressCallback):
    """A progress bar with the time left, and one line an epoch above it."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Print the epoch's figures once its evaluation is there."""
        line = _epoch_line(state, logs)
        if line and self.training_bar is not None:
            self.training_bar.write(line, file=sys.stderr)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: object = None,
        **_: object,
    ) -> None:
        """Show no bar of its own for an evaluation: it is over soon."""


def _epoch_line(state: TrainerState, logs: dict[str, float] | None) -> str:
    """An epoch's figures; nothing before its evaluation, and in other processes than the first."""
    if not state.is_world_process_zero or not logs or "eval_wa" not in logs:
        return ""
    loss = next((one["loss"] for one in reversed(state.log_history) if "loss" in one), math.nan)
    keys = {name: f"eval_{name}_" for name in CLASSIFIERS} | {"ensemble": "eval_"}
    each = "  ".join(
        f"{name} WA {logs[key + 'wa']:.3f} UA {logs[key + 'ua']:.3f}"
        for name, key in keys.items()
        if key + "wa" in logs
    )
    return f"epoch {state.epoch:3.0f}  loss {loss:.4f}  {each}"


def epochs_without_better(epochs: Iterable[Mapping[str, float]], figure: str) -> int:
    """How many epochs have passed since the one with the best figure; of equals the first is the best.

    Args:
        epochs: Their figures, in order; other entries of the trainer's log are passed over.
        figure: By its name in the log; the higher, the better.
    """
    best, waited = -math.inf, 0
    for value in (one[figure] for one in epochs if figure in one):
        best, waited = (value, 0) if value > best else (best, waited + 1)
    return waited


class PatienceOverRuns(EarlyStoppingCallback):
    """Early stopping that, in a resumed run, goes on counting where the earlier one stopped."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Count the epochs that the log already has."""
        # What the base class does here is to check its settings, which `_arguments` fixes.
        figure = str(args.metric_for_best_model)
        self.early_stopping_patience_counter = epochs_without_better(state.log_history, figure)


class StopOnCtrlC(TrainerCallback):
    """Ends the training after the step in hand; the trainer then goes back to the best model so far.

    An epoch that is broken off is neither judged nor kept: a resumed run begins it again, as if it had never begun.
    """

    def __init__(self, ctrl_c: CtrlC) -> None:
        self._ctrl_c = ctrl_c

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Look whether Ctrl-C was pressed."""
        control.should_training_stop = control.should_training_stop or self._ctrl_c.pressed
        return control

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Let only a whole epoch be evaluated and saved."""
        whole = state.epoch is not None and float(state.epoch).is_integer()
        if self._ctrl_c.pressed:
            control.should_training_stop = True
        if not whole:
            control.should_evaluate = control.should_save = False
        return control
