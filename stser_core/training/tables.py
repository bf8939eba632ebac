"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from stser_core.emotions import LABELS
from stser_core.scores import ENSEMBLE
from stser_core.training.evaluation import NEW_BY_CORPUS
from stser_core.training.published import TABLE_1, TABLE_2, Published

if TYPE_CHECKING:
    from stser_core.training.cross_validation import Spread
    from stser_core.training.transcripts import Source


def metrics_table(figures: Mapping[str, Any]) -> Table:
    """A report's figures: each classifier over all clips, by each breakdown of more than one value, by kinds of pairs.

    Args:
        figures: As `evaluation.report` makes them.
    """
    table = Table(
        title=f"{figures['checkpoint']} (percent)", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    for heading in ("clips of", "classifier"):
        table.add_column(heading)
    for heading in ("n", "WA", "UA", *LABELS, "ECE"):
        table.add_column(heading, justify="right")
    _add(table, "all", figures["classifiers"])
    for what, groups in figures["breakdown"].items():
        if len(groups) > 1:
            table.add_section()
            for value, classifiers in groups.items():
                _add(table, f"new, {value}" if what == NEW_BY_CORPUS else value, classifiers)
    if "pairs" in figures:
        table.add_section()
        for kind, classifiers in figures["pairs"].items():
            _add(table, f"pairs: {kind.replace('_', ' ')}", classifiers)
    return table


def cross_validation_table(
    title: str,
    ours: Mapping[Source, Mapping[str, Mapping[str, Spread]]],
    rivals: Mapping[str, Mapping[str, Spread]],
) -> Table:
    """Our classifiers and the rivals, mean ± standard deviation over folds and seeds, beside the paper's figures.

    Args:
        title: Above the table.
        ours: By source of transcripts, then classifier, then figure (`wa`, `ua`).
        rivals: By name, then figure.
    """
    table = Table(title=title, title_justify="left", caption="percent; published: IEMOCAP", caption_justify="left")
    table.add_column("")
    for heading in ("WA", "UA", "published WA", "published UA"):
        table.add_column(heading, justify="right")
    for source, classifiers in ours.items():
        table.add_section()
        for name, figures in classifiers.items():
            if name == ENSEMBLE and len(classifiers) == 2:
                continue  # a lone classifier is its own ensemble
            table.add_row(f"{name} ({source} words)" if len(ours) > 1 else name, *_row(figures, TABLE_1.get(name)))
    table.add_section()
    for name, figures in rivals.items():
        table.add_row(name, *_row(figures, None))
    table.add_section()
    for name, published in TABLE_2.items():
        table.add_row(name, "", "", *_published(published))
    return table


def _row(figures: Mapping[str, Spread], published: Published | None) -> list[str]:
    own = [f"{_percent(one.mean)} ± {_percent(one.sd)}" for one in (figures["wa"], figures["ua"])]
    return own + _published(published)


def _published(figures: Published | None) -> list[str]:
    if figures is None:
        return ["", ""]
    return [f"{figures.wa:.2f}", "–" if figures.ua is None else f"{figures.ua:.2f}"]


def _add(table: Table, where: str, classifiers: Mapping[str, Any]) -> None:
    for name, one in classifiers.items():
        if name == ENSEMBLE and len(classifiers) == 2:
            continue  # a lone classifier is its own ensemble
        recalls = [_percent(one["recall"][label]) if label in one["recall"] else "–" for label in LABELS]
        table.add_row(
            where, name, f"{one['n']:,}", _percent(one["wa"]), _percent(one["ua"]), *recalls, _percent(one["ece"])
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
