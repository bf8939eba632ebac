"""What the program costs on this machine; `scripts/benchmark` runs it, docs/performance.md has the figures."""
