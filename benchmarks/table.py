"""The table that a run prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

_WIDTH = 150


def show(figures: Sequence[Figure], machine: Mapping[str, str], others: float) -> None:
    """Print every figure, by subject, and which budgets hold."""
    console = Console(width=None if Console().is_terminal else _WIDTH)
    console.print("\n".join(f"{name}: {value}" for name, value in machine.items()), highlight=False)
    console.print(f"others used {others:.1f} cores meanwhile", highlight=False)
    table = Table("figure", "", "unit", "budget", "holds", "against", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for subject, group in groupby(figures, key=lambda figure: figure.subject):
        table.add_row(f"[bold]{subject}[/bold]")
        for figure in group:
            table.add_row(*cells(figure))
    console.print(table)
    budgets = [figure for figure in figures if figure.holds is not None]
    console.print(f"{sum(figure.holds is True for figure in budgets)} of {len(budgets)} budgets hold", highlight=False)


def cells(figure: Figure) -> tuple[str, str, str, str, str, str]:
    """A figure as a row."""
    budget = "" if figure.budget is None else str(figure.budget)
    holds = {True: "yes", False: "[bold red]NO[/bold red]", None: ""}[figure.holds]
    against = figure.against
    if figure.spread is not None:
        against += f" ({shown(figure.spread[0])} to {shown(figure.spread[1])})"
    return f"  {figure.name}", shown(figure.value), figure.unit, budget, holds, against


def shown(value: float | None) -> str:
    """A number with three digits that count; whole from 100 on."""
    if value is None:
        return "–"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if abs(value) < 10 else 1}f}"
