"""The training loop, on a network of one layer: what is kept, when it stops, and that a killed run continues alike."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from stser_core.errors import DataError
from stser_core.training.loop import Epoch, LoopConfig, best_epoch, ctrl_c, ended, finished_epochs, rate, train


class Line(nn.Module):
    """A line with dropout, so that randomness matters; it notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.line = nn.Linear(4, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.register_buffer("seen", torch.zeros(()))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.seen += len(x)
        return (self.frozen(self.line(self.dropout(x))) - y).square().mean()


class Batches:
    """Six batches that follow from the epoch's number alone; may be interrupted in one of them."""

    def __init__(self, pressed: Event, at: tuple[int, int] | None) -> None:
        self.pressed, self.at = pressed, at

    def __len__(self) -> int:
        return 6

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        rng = torch.Generator().manual_seed(number)
        for place in range(6):
            if (number, place) == self.at:
                self.pressed.set()
            x = torch.randn(5, 4, generator=rng)
            yield {"x": x, "y": x.sum(1, keepdim=True)}


CONFIG = LoopConfig(epochs=4, patience=0, learning_rate=0.05, optimizer="adamw", schedule="cosine", warmup=0.2)


def run(
    folder: Path, config: LoopConfig = CONFIG, wa: tuple[float, ...] = (1, 2, 3, 4), at: tuple[int, int] | None = None
) -> Line:
    """Train, with these results of the epochs, until Ctrl-C in a batch of an epoch."""
    line, validation = Line(), iter([{"wa": one, "ua": -one} for one in wa])
    with ctrl_c() as pressed:
        train(line, Batches(pressed, at), lambda: next(validation), config, folder, pressed)
    return line


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_an_interrupted_run_continues_bit_for_bit(tmp_path: Path) -> None:
    config = replace(CONFIG, optimizer="adam")
    whole = run(tmp_path / "whole", config)
    cut = run(tmp_path / "cut", config, at=(2, 3))
    assert len(finished_epochs(tmp_path / "cut")) == 2 and not same(cut, whole)
    resumed = run(tmp_path / "cut", config, wa=(3, 4))
    assert same(resumed, whole)
    assert resumed.seen == whole.seen == 4 * 6 * 5
    assert not same(whole, run(tmp_path / "other", replace(config, seed=1)))
    run(tmp_path / "first", at=(0, 1))
    assert finished_epochs(tmp_path / "first") == [] and not (tmp_path / "first").exists(), "no epoch, no state"


def test_the_best_epoch_is_kept_and_patience_counts_over_runs(tmp_path: Path) -> None:
    steady = replace(CONFIG, schedule="constant", warmup=0.0)
    best = run(tmp_path / "two", replace(steady, epochs=2))
    config = replace(steady, epochs=9, patience=2)
    stopped = run(tmp_path / "stopped", config, wa=(1, 3, 2, 2.5, 9))
    assert len(finished_epochs(tmp_path / "stopped")) == 4
    assert same(best, stopped)
    assert same(run(tmp_path / "stopped", config, wa=()), stopped), "nothing is trained again"
    last = run(tmp_path / "last", replace(steady, epochs=4, best_by="last"), wa=(4, 3, 2, 1))
    assert not same(last, best)


def test_training_ends_before_an_epoch_that_diverges(tmp_path: Path) -> None:
    class Diverging(Line):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return super().forward(x, y) * (torch.nan if self.seen > self.last else 1.0)

    def run(last: int) -> tuple[Line, list[Epoch]]:
        """Train until so many examples were seen; an epoch has 30."""
        line, pressed = Diverging(), Event()
        line.last = last
        return line, train(line, Batches(pressed, None), lambda: {"wa": 1.0}, CONFIG, tmp_path, pressed)

    with pytest.raises(DataError):
        run(20)
    line, history = run(80)
    assert [one["loss"] for one in history] == [one["loss"] for one in finished_epochs(tmp_path)] and len(history) == 2
    assert line.line.weight.isfinite().all()


def test_the_learning_rate_rises_and_falls_and_the_best_epoch_is_the_first() -> None:
    config = LoopConfig(warmup=0.1, schedule="cosine")
    rates = [rate(step, 100, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] < 0.01
    assert rate(99, 100, LoopConfig()) == 1.0
    history: list[Epoch] = [{"wa": 0.5, "ua": 0.1}, {"wa": 0.5, "ua": 0.3}]  # the first of equal ones is the best
    assert (best_epoch(history, LoopConfig()), best_epoch(history, LoopConfig(best_by="ua"))) == (0, 1)
    assert not ended([], LoopConfig(patience=1)) and ended(history, LoopConfig(patience=1))
