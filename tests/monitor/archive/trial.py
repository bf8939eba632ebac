"""Three hundred recordings through `archive`: with one worker, with two, killed twice, and on Ray.

    scripts/archive_trial [--count 300] [--no-ray]

All four must give the same rows. The figures are printed, and stand in docs/archives.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet

HERE = Path(__file__).parent
PROGRAM = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]
Contents = dict[str, object]


def contents(out: Path) -> Contents:
    """All that an archive holds, in an order that does not depend on who was quicker."""

    def rows(kind: str) -> list[dict[str, object]]:
        shards = [pyarrow.parquet.ParquetFile(path).read() for path in sorted((out / kind).glob("*.parquet"))]
        return sorted(
            (row for one in shards for row in one.to_pylist()), key=lambda row: (row["recording"], row.get("turn"))
        )

    timelines = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.*.csv"))}
    return {
        "timelines": timelines,
        "turns": rows("turns"),
        "calls": rows("calls"),
        "failures": (out / "failures.csv").read_text(),
    }


def command(recordings: Path, out: Path, *options: str) -> list[str]:
    """The command line of one run: the speech classifier alone."""
    return [*PROGRAM, "archive", str(recordings), "--out", str(out), "--asr", "none", *options]


def whole(name: str, recordings: Path, out: Path, *options: str) -> Contents:
    """Run to the end, and say what the program said of it."""
    before = os.times()
    run = subprocess.run(command(recordings, out, *options), check=True, stderr=subprocess.PIPE, text=True)
    after = os.times()
    said = next(line for line in run.stderr.splitlines() if "recordings done" in line)
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{name}: {said.partition(': ')[2]} CPU {busy:.0f} s, start included.", flush=True)
    return contents(out)


def killed(recordings: Path, out: Path, timelines: int) -> None:
    """Run until so many timelines are there, then kill."""
    process = subprocess.Popen(command(recordings, out, "--workers", "2", "--quiet"))
    while sum(1 for _ in out.rglob("*.*.csv")) < timelines:
        if process.poll() is not None:
            raise SystemExit("It ended before it could be killed.")
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"killed with {sum(1 for _ in out.rglob('*.*.csv'))} timelines there", flush=True)


def same(name: str, made: Contents, unbroken: Contents) -> None:
    """Stop where two archives differ."""
    different = [kind for kind in unbroken if made[kind] != unbroken[kind]]
    if different:
        raise SystemExit(f"{name}: other {' and '.join(different)} than the unbroken run.")
    print(
        f"{name}: the same {len(unbroken['calls'])} calls and {len(unbroken['turns'])} turns as the unbroken run",
        flush=True,
    )


def trial(folder: Path, count: int, *, ray: bool) -> None:
    """Run all of it in a folder."""
    recordings = folder / "recordings"
    subprocess.run(
        [sys.executable, str(HERE / "make_recordings.py"), str(recordings), "--count", str(count)], check=True
    )
    unbroken = whole("1 worker", recordings, folder / "one", "--workers", "1")
    same("2 workers", whole("2 workers", recordings, folder / "two", "--workers", "2"), unbroken)
    for share in (0.2, 0.6):
        killed(recordings, folder / "broken", int(share * count))
    same("killed twice", whole("the rest", recordings, folder / "broken", "--workers", "2"), unbroken)
    if ray:
        options = ("--workers", "2", "--ray", "auto")
        same("Ray", whole("2 Ray workers", recordings, folder / "ray", *options), unbroken)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--no-ray", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="archive-trial-") as folder:
        trial(Path(folder), options.count, ray=not options.no_ray)


if __name__ == "__main__":
    main()
