"""Measures the program's costs on this machine; see `scripts/benchmark` and docs/performance.md."""
