"""Runs all measurements, prints one table, and writes JSON.

scripts/benchmark [--quick] [--json FILE] [--references FOLDER] [--only SUBJECT …]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import (
    baseline_speed,
    latency,
    live_channels,
    machine,
    memory,
    segmentation,
    stages,
    start,
    throughput,
    vosk_cost,
    word_errors,
)
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.table import show

MEASUREMENTS: tuple[tuple[str, Callable[[Plan], list[Figure]]], ...] = tuple(
    (room.SUBJECT, room.measure)
    for room in (
        start,
        throughput,
        stages,
        baseline_speed,
        vosk_cost,
        latency,
        live_channels,
        memory,
        segmentation,
        word_errors,
    )
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 1 where a budget does not hold. What was measured is told even if a part fails."""
    asked = _parser().parse_args(arguments)
    begun = datetime.now(timezone.utc)
    meter = machine.Meter.now()
    figures: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory(prefix="stser-benchmark-") as scratch:
            plan = Plan(asked.quick, Path(scratch), asked.references, asked.memory_hours)
            for name, measure in _chosen(asked.only):
                figures += _measured(name, measure, plan)
                if asked.json is not None:
                    asked.json.write_text(_json(figures, begun, meter.others(), asked), encoding="utf-8")
    finally:
        show(figures, machine.describe(), meter.others())
    return 1 if any(figure.holds is False for figure in figures) else 0


def _chosen(only: Sequence[str] | None) -> list[tuple[str, Callable[[Plan], list[Figure]]]]:
    return [(name, measure) for name, measure in MEASUREMENTS if not only or name in only]


def _measured(name: str, measure: Callable[[Plan], list[Figure]], plan: Plan) -> list[Figure]:
    started = time.monotonic()
    figures = measure(plan)
    print(f"{name}: {len(figures)} figures in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


def _json(figures: Sequence[Figure], begun: datetime, others: float, asked: argparse.Namespace) -> str:
    told = {
        "begun": begun.isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "cores_used_by_others": round(others, 2),
        "quick": asked.quick,
        "figures": [figure.as_dict() for figure in figures],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description="Measures the program on this machine.")
    parser.add_argument("--quick", action="store_true", help="minutes instead of an hour; figures vary more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures as JSON")
    parser.add_argument(
        "--references", type=Path, metavar="FOLDER", help="clips with refs.csv (path,transcript), for word error rates"
    )
    parser.add_argument(
        "--memory-hours", type=float, default=6.0, metavar="H", help="hours of sound for the growth of memory"
    )
    subjects = [name for name, _ in MEASUREMENTS]
    parser.add_argument(
        "--only", nargs="+", choices=subjects, metavar="SUBJECT", help=f"measure these only: {', '.join(subjects)}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
