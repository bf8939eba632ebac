"""The training loop: epochs of batches, validation, early stopping, and a state to go on from.

All randomness follows from the seed, the epoch and the position in it, so a run that was killed and goes on from its
last finished epoch gives the same weights, bit for bit, as one that was not.
"""

import math
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated, Literal

import msgspec
import torch
from msgspec import Meta
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Adam, AdamW, Optimizer

from stser_core.config import Amount, Count, Positive, Proportion, Settings
from stser_core.errors import DataError, UsageError
from stser_core.training.examples import TrainingBatches
from stser_core.training.output import progress, write_atomically

LAST, BEST = "last.safetensors", "best.safetensors"

Epoch = dict[str, float]
"""An epoch's `loss` and validation metrics (`wa`, `ua` and others)."""


class LoopConfig(Settings, frozen=True):
    """Settings of training a network. The defaults are the paper's, where it gives them."""

    epochs: Count = 60  # at most
    # epochs without a better validation metric before training stops; 0 = never
    patience: Annotated[int, Meta(ge=0)] = 10
    # validation metric of the epoch that is kept (the paper's: wa); last: the last epoch, for where validation has too
    # few speakers to choose by
    best_by: Literal["wa", "ua", "last"] = "wa"
    learning_rate: Positive = 1e-4  # at its highest
    text_learning_rate: Positive | None = None  # of the tmodel; None for the same
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: Amount = 0.0  # of adamw
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Proportion = 0.0  # proportion of all steps over which the learning rate rises from zero
    precision: Literal["float32", "bfloat16", "float16"] = "float32"  # of the forward pass on CUDA; float32 elsewhere
    seed: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.best_by == "last" and self.patience:
            raise UsageError("best_by last keeps the last epoch, so nothing stops early: set patience to 0.")


@contextmanager
def ctrl_c() -> Iterator[Event]:
    """Note the first Ctrl-C, to be acted on between two steps; a second one interrupts at once, as usual.

    An exception raised by the signal itself could come anywhere, and would be lost where Python is clearing up.
    """
    pressed, before = Event(), signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def train(
    module: nn.Module,
    batches: TrainingBatches,
    validate: Callable[[], Epoch],
    config: LoopConfig,
    folder: Path,
    pressed: Event,
) -> list[Epoch]:
    """Train a module whose forward gives the loss of a batch, and leave it as it was after its best epoch.

    Training goes on from the state that is in the folder, and ends after the step in which `pressed` is set, or before
    an epoch that diverges. Returns the finished epochs; none where it was interrupted in the first: the module then
    holds the untrained weights. Raises `DataError` where the first epoch diverges.
    """
    device = next(module.parameters()).device
    optimizer = _optimizer(module, config)
    scaler = GradScaler(device.type, enabled=config.precision == "float16" and device.type == "cuda")
    history = _load(folder / LAST, module, optimizer, scaler)
    mixed = config.precision != "float32" and device.type == "cuda"
    while not ended(history, config) and not pressed.is_set():
        number, losses = len(history), []
        torch.manual_seed(config.seed * 1_000_003 + number)  # dropout
        module.train()
        optimizer.zero_grad()
        for position, batch in enumerate(progress(batches.epoch(number), f"Epoch {number + 1}", len(batches))):
            step = number * len(batches) + position
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate(step, len(batches) * config.epochs, config)
            with torch.autocast(device.type, getattr(torch, config.precision), enabled=mixed):
                loss = module(**{name: one.to(device) for name, one in batch.items()})
            scaler.scale(loss).backward()
            losses.append(loss.detach())
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            if pressed.is_set():
                break
        if pressed.is_set():
            break
        loss = float(torch.stack(losses).mean())
        if not (math.isfinite(loss) and all(bool(one.isfinite().all()) for one in module.parameters())):
            if not history:
                raise DataError("The loss is not finite in the first epoch; lower the learning rate.")
            print(
                f"epoch {number + 1:3}  the loss is not finite: training ends here",
                file=sys.stderr,
            )
            break
        module.eval()
        history.append({"loss": loss, **validate()})
        described = "  ".join(f"{name} {value:.3f}" for name, value in history[-1].items())
        print(f"epoch {len(history):3}  {described}", file=sys.stderr, flush=True)
        if best_epoch(history, config) == number:
            write_atomically(folder / BEST, save(_state(module)))
        _keep(folder / LAST, module, optimizer, scaler, history)
    if history:
        _fill(module, folder / BEST)
    module.eval()
    return history


def ended(history: Sequence[Epoch], config: LoopConfig) -> bool:
    """Whether training is complete."""
    waited = len(history) - 1 - best_epoch(history, config)
    return len(history) >= config.epochs or bool(history and config.patience and waited >= config.patience)


def best_epoch(history: Sequence[Epoch], config: LoopConfig) -> int:
    """The number of the epoch that is kept: the first of those with the best metric; −1 before the first."""
    if config.best_by == "last" or not history:
        return len(history) - 1
    return max(range(len(history)), key=lambda number: history[number][config.best_by])


def rate(step: int, steps: int, config: LoopConfig) -> float:
    """The factor of the learning rate at a step (from 0) of so many."""
    warmup = math.ceil(config.warmup * steps)
    if step < warmup:
        return (step + 1) / warmup
    if config.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def finished_epochs(folder: Path) -> list[Epoch]:
    """The epochs that the state in a folder has behind it."""
    if not (folder / LAST).is_file():
        return []
    with safe_open(folder / LAST, "pt") as file:
        return msgspec.json.decode(file.metadata()["history"], type=list[Epoch])


def _optimizer(module: nn.Module, config: LoopConfig) -> Optimizer:
    trained = [(name, one) for name, one in module.named_parameters() if one.requires_grad]
    groups = [
        {"params": [one for name, one in trained if ("tmodel." in name) == text], "peak": peak}
        for text, peak in ((False, config.learning_rate), (True, config.text_learning_rate or config.learning_rate))
    ]
    kept = [group for group in groups if group["params"]]
    if config.optimizer == "adam":
        return Adam(kept, lr=config.learning_rate)
    return AdamW(kept, lr=config.learning_rate, weight_decay=config.weight_decay)


def _state(module: nn.Module) -> dict[str, Tensor]:
    """The trained parameters and all buffers."""
    frozen = {name for name, one in module.named_parameters() if not one.requires_grad}
    state = module.state_dict()
    return {name: one.detach().cpu().contiguous() for name, one in state.items() if name not in frozen}


def _fill(module: nn.Module, path: Path) -> None:
    with safe_open(path, "pt") as file:
        module.load_state_dict({name: file.get_tensor(name) for name in _state(module)}, strict=False)


def _keep(path: Path, module: nn.Module, optimizer: Optimizer, scaler: GradScaler, history: Sequence[Epoch]) -> None:
    """Write the whole state in one step: weights, the optimizer's moments, and the epochs so far."""
    tensors = _state(module)
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": one.cpu().contiguous() for name, one in moments.items()}
    metadata = {"history": history, "scaler": scaler.state_dict()}
    encoded = {name: msgspec.json.encode(value).decode() for name, value in metadata.items()}
    write_atomically(path, save(tensors, encoded))


def _load(path: Path, module: nn.Module, optimizer: Optimizer, scaler: GradScaler) -> list[Epoch]:
    history = finished_epochs(path.parent)
    if not history:
        return []
    _fill(module, path)
    moments: dict[int, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file:
        for key in file.keys():  # noqa: SIM118 (not a mapping)
            if key.startswith("optimizer/"):
                _, number, name = key.split("/")
                moments.setdefault(int(number), {})[name] = file.get_tensor(key)
        metadata = file.metadata()
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    if scaler.is_enabled():
        scaler.load_state_dict(msgspec.json.decode(metadata["scaler"]))
    return history
