"""What a measurement gives: a figure, what it was measured against, and whether its budget holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Budget:
    """A promise of docs/architecture.md.

    Attributes:
        limit: In the figure's unit.
        at_least: Whether the figure must reach the limit, and not stay below it.
    """

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether a figure keeps the promise."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        """As a table shows it."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        subject: What it belongs to, such as `latency`.
        name: What was measured.
        value: The figure, or `None` where it could not be measured; `against` then says why.
        unit: Of the value; empty for a ratio.
        against: What it was measured against, on what material.
        budget: The promise, where there is one.
        spread: The smallest and the largest of the repeated measurements, where it was repeated.
    """

    subject: str
    name: str
    value: float | None
    unit: str = ""
    against: str = ""
    budget: Budget | None = None
    spread: tuple[float, float] | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the budget holds; `None` without a budget or a figure."""
        return None if self.budget is None or self.value is None else self.budget.holds(self.value)

    def as_dict(self) -> dict[str, object]:
        """For JSON: the fields, with `holds`."""
        budget = None if self.budget is None else str(self.budget)
        return {**asdict(self), "budget": budget, "holds": self.holds}


def missing(subject: str, name: str, why: str) -> Figure:
    """A figure that could not be measured, and why."""
    return Figure(subject, name, None, against=why)


def repeated(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median of repeated measurements, and their smallest and largest."""
    return median(values), (min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least this share of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Growth of `values` for each unit of `places`: the straight line through all of them, by least squares."""
    middle, mean = sum(places) / len(places), sum(values) / len(values)
    spread = sum((place - middle) ** 2 for place in places)
    together = sum((place - middle) * (value - mean) for place, value in zip(places, values, strict=True))
    return together / spread
