"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from stser_core.emotions import LABELS


def metrics_table(figures: Mapping[str, Any]) -> Table:
    """A report's figures: each classifier over all clips, then by each breakdown of more than one value.

    Args:
        figures: As `evaluation.report` makes them.
    """
    table = Table(title=f"{figures['checkpoint']} (percent)", title_justify="left")
    for heading in ("clips of", "classifier"):
        table.add_column(heading)
    for heading in ("n", "WA", "UA", *LABELS, "ECE"):
        table.add_column(heading, justify="right")
    _add(table, "all", figures["classifiers"])
    for groups in figures["breakdown"].values():
        if len(groups) > 1:
            table.add_section()
            for value, classifiers in groups.items():
                _add(table, value, classifiers)
    return table


def _add(table: Table, where: str, classifiers: Mapping[str, Any]) -> None:
    for name, one in classifiers.items():
        recalls = [_percent(one["recall"][label]) if label in one["recall"] else "–" for label in LABELS]
        table.add_row(
            where, name, f"{one['n']:,}", _percent(one["wa"]), _percent(one["ua"]), *recalls, _percent(one["ece"])
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
