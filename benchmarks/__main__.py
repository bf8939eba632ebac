"""Runs the measurements that are asked for and prints one table; scripts/benchmark --help."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import echo, latency, memory, serve, start, throughput
from benchmarks.figures import Figure, show
from benchmarks.material import Material

MEASUREMENTS: Mapping[str, Callable[[Material], list[Figure]]] = {
    "latency": latency.measure,
    "throughput": throughput.measure,
    "neighbours": throughput.measure_neighbours,
    "vosk": throughput.measure_vosk,
    "start": start.measure,
    "memory": memory.measure,
    "echo": echo.measure,
    "serve": serve.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 where a budget does not hold. The table is printed even where a measurement fails."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description="Measures the program on this machine.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"any of {', '.join(MEASUREMENTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="about three minutes; the figures vary more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.subjects if name not in MEASUREMENTS]:
        parser.error(f"unknown subject {unknown[0]!r}; choose from {', '.join(MEASUREMENTS)}")
    figures: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory(prefix="stser-benchmark-") as scratch:
            material = Material(asked.quick, Path(scratch))
            for name in asked.subjects or MEASUREMENTS:
                started = time.monotonic()
                figures += MEASUREMENTS[name](material)
                print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    finally:
        show(figures)
        if asked.json is not None:
            written = [{**asdict(one), "holds": one.holds} for one in figures]
            asked.json.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(one.holds is False for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
