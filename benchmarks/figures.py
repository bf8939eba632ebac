"""Results of measurements, and their table."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

_WIDTH = 140


@dataclass(frozen=True)
class Figure:
    """One figure."""

    subject: str  # what it belongs to, such as `latency`
    name: str  # what was measured
    value: float | None  # None where it could not be measured; `against` then says why
    unit: str = ""  # × for a ratio
    against: str = ""  # on what it was measured
    at_most: float | None = None  # the budget of docs/architecture.md, where there is one
    at_least: float | None = None  # the same, for what must not be less

    @property
    def budget(self) -> str:
        """The budget as text; empty without one."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"

    @property
    def holds(self) -> bool | None:
        """Whether the budget holds; `None` without a budget or a value."""
        if self.value is None or not self.budget:
            return None
        return self.value <= self.at_most if self.at_most is not None else self.value >= (self.at_least or 0)


def repeated(values: Sequence[float]) -> tuple[float, str]:
    """The median of repeated measurements, and their range as text."""
    return median(values), f"{shown(min(values))} to {shown(max(values))} in {len(values)} runs"


def shown(value: float | None) -> str:
    """A number with three significant digits; whole from 100 on."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{2 if abs(value) < 10 else 1}f}"


def show(figures: Sequence[Figure]) -> None:
    """Print the table, and how many budgets hold."""
    console = Console(width=None if Console().is_terminal else _WIDTH)
    console.print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}", highlight=False)
    table = Table("figure", "", "unit", "budget", "holds", "measured on", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for one in figures:
        holds = {True: "yes", False: "[bold red]NO[/bold red]", None: ""}[one.holds]
        table.add_row(f"{one.subject}: {one.name}", shown(one.value), one.unit, one.budget, holds, one.against)
    console.print(table)
    budgets = [one.holds for one in figures if one.holds is not None]
    console.print(f"{sum(budgets)} of {len(budgets)} budgets hold", highlight=False)
