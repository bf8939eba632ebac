"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from stser_core.emotions import LABELS
from stser_core.ensemble import format_prior
from stser_core.scores import ENSEMBLE
from stser_core.training.card import percent, stream_rows
from stser_core.training.cross_validation import Spread
from stser_core.training.published import TABLE_1, TABLE_2, Published
from stser_core.training.transcripts import Source


def stream_tables(report: Mapping[str, Any]) -> list[Table]:
    """Call-like streams and routine calls."""
    title = (
        f"{report['checkpoint']}: call-like streams (recall in percent), class prior {format_prior(report['prior'])}"
    )
    tables = []
    for head, *rows in stream_rows(report):
        table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
        for number, heading in enumerate(head):
            table.add_column(heading, justify="right" if number else "left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
        title = ""
    return tables


def metrics_table(report: Mapping[str, Any]) -> Table:
    """Single clips: each classifier over all clips, by each breakdown of more than one value, by kinds of pairs."""
    title = f"{report['checkpoint']}: single clips (percent)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("clips of", "classifier"):
        table.add_column(heading)
    for heading in ("n", "WA", "UA", *LABELS, "ECE"):
        table.add_column(heading, justify="right")
    _add(table, "all", report["classifiers"])
    for what, groups in report["breakdown"].items():
        if len(groups) > 1:
            table.add_section()
            for value, classifiers in groups.items():
                _add(table, _group(what, value), classifiers)
    if "pairs" in report:
        table.add_section()
        for kind, classifiers in report["pairs"].items():
            _add(table, f"pairs: {kind.replace('_', ' ')}", classifiers)
    return table


def _group(what: str, value: str) -> str:
    if what == "baseline":
        return "no baseline" if value == "none" else f"{value} baseline known"
    return f"{value}, neutral baseline known" if what == "corpus with baseline" else value


def cross_validation_table(
    title: str, ours: Mapping[Source, Mapping[str, Mapping[str, Spread]]], baselines: Mapping[str, Mapping[str, Spread]]
) -> Table:
    """Our classifiers and the baselines, mean ± standard deviation over folds and seeds, beside the paper's results."""
    table = Table(title=title, title_justify="left", caption="percent; published: IEMOCAP", caption_justify="left")
    table.add_column("")
    for heading in ("WA", "UA", "published WA", "published UA"):
        table.add_column(heading, justify="right")
    for source, classifiers in ours.items():
        table.add_section()
        for name, metrics in classifiers.items():
            if name == ENSEMBLE and len(classifiers) == 2:
                continue  # a lone classifier is its own ensemble
            table.add_row(f"{name} ({source} words)" if len(ours) > 1 else name, *_row(metrics, TABLE_1.get(name)))
    table.add_section()
    for name, metrics in baselines.items():
        table.add_row(name, *_row(metrics, None))
    table.add_section()
    for name, published in TABLE_2.items():
        table.add_row(name, "", "", *_published(published))
    return table


def _row(metrics: Mapping[str, Spread], published: Published | None) -> list[str]:
    own = [f"{percent(one.mean)} ± {percent(one.sd)}" for one in (metrics["wa"], metrics["ua"])]
    return own + _published(published)


def _published(figures: Published | None) -> list[str]:
    if figures is None:
        return ["", ""]
    return [f"{figures.wa:.2f}", "–" if figures.ua is None else f"{figures.ua:.2f}"]


def _add(table: Table, where: str, classifiers: Mapping[str, Any]) -> None:
    for name, one in classifiers.items():
        if name == ENSEMBLE and len(classifiers) == 2:
            continue  # a lone classifier is its own ensemble
        recalls = [percent(one["recall"][label]) if label in one["recall"] else "–" for label in LABELS]
        table.add_row(
            where, name, f"{one['n']:,}", percent(one["wa"]), percent(one["ua"]), *recalls, percent(one["ece"])
        )
