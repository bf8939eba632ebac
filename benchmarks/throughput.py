"""Seconds of sound for each second of CPU, speech only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import Figure, repeated
from benchmarks.running import cost, run_pipeline
from monitor.sources.recording import Recording

if TYPE_CHECKING:
    from benchmarks.material import Material


def measure(material: Material) -> list[Figure]:
    """Replay a piece of the call, models loaded."""
    seconds = 60.0 if material.quick else 278.0
    path, recognizer = material.piece(seconds), material.recognizer
    costs = [
        cost(lambda: run_pipeline(Recording(path), recognizer, material.scratch / "throughput.csv"))
        for _ in range(material.repeats)
    ]
    on_cpu, between = repeated([seconds / one.cpu_s for one in costs])
    on_clock, _ = repeated([seconds / one.wall_s for one in costs])
    against = f"a replay of {seconds:g} s of a call, 87 % of it speech"
    return [
        Figure("throughput", "audio per CPU second", on_cpu, "s/s", f"{against}; {between}", at_least=100),
        Figure("throughput", "audio per second on the clock", on_clock, "s/s", against),
    ]
