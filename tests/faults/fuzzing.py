"""Gives the program thousands of damaged inputs of one kind, and counts what came of them.

    python tests/faults/fuzzing.py audio --cases 1000 --seed 0

Every case has to be taken, or refused as a `StserError` with one sentence. Anything else is a fault, which Hypothesis
makes as small as it can. `attacked` runs this in a process of its own, since a decoder that crashes or hangs takes its
process with it; the case that did it is then the last one that was noted.
"""

import argparse
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damage import Target
from hypothesis import HealthCheck, Phase, given, seed, settings
from long_stream import resident_mb
from targets import TARGETS

from stser_core.errors import StserError

_WALL_S = 900.0
"""No case may wait for ever. Processor time is limited as well; a busy machine makes no difference to that."""
_LONGEST_SENTENCE = 600
MOST_GROWTH_MB = 8
"""Growth that is not a leak: what the allocator has not given back."""
_KEPT = 200
_ROUNDS = 5


@dataclass(frozen=True)
class Attack:
    """What came of many cases.

    Attributes:
        growth_mb: How much more memory the process took when it was given the last cases several times more.
        fault: Empty, or what went wrong.
    """

    target: str
    taken: int
    refused: int
    growth_mb: float
    fault: str = ""

    @property
    def cases(self) -> int:
        return self.taken + self.refused


def attacked(target: str, cases: int, number: int = 0) -> Attack:
    """Attack one input in a process of its own; the same number, a seed, gives the same cases."""
    arguments = [sys.executable, __file__, target, "--cases", str(cases), "--seed", str(number)]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [*arguments, "--folder", folder], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
        )
        if run.returncode == 0:
            return Attack(**json.loads(run.stdout))
        last = Path(folder, "last case")
        case = last.read_text() if last.exists() else "none"
    how = f"exit code {run.returncode}" if run.returncode >= 0 else signal.Signals(-run.returncode).name
    return Attack(target, 0, 0, 0.0, f"{how} at the case {case}\n{run.stderr[-6_000:]}")


def attack(target: str, cases: int, number: int, folder: Path) -> Attack:
    """Attack one input in this process; a fault is raised as it is."""
    chosen = TARGETS[target](folder)
    outcomes: Counter[bool] = Counter()
    last: deque[Any] = deque(maxlen=_KEPT)
    note = folder / "last case"

    def examine(case: Any) -> bool:
        note.write_text(repr(case))
        signal.setitimer(signal.ITIMER_PROF, chosen.processor_s)  # its signal, SIGPROF, ends the process
        faulthandler.dump_traceback_later(_WALL_S, exit=True)
        return _taken(chosen, case)

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(chosen.cases)
    def every(case: Any) -> None:
        outcomes[examine(case)] += 1
        last.append(case)

    every()
    growth = _growth_mb(examine, last)
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.cancel_dump_traceback_later()
    return Attack(target, outcomes[True], outcomes[False], round(growth, 1))


def _growth_mb(examine: Callable[[Any], bool], cases: Collection[Any]) -> float:
    """Not while Hypothesis draws, which keeps a record of every case."""
    memory = []
    for _ in range(_ROUNDS):
        for case in cases:
            examine(case)
        memory.append(_resident_mb())
    return max(0.0, memory[-1] - memory[0])


def _taken(target: Target, case: Any) -> bool:
    try:
        target.examine(case)
    except StserError as error:
        sentence = str(error)
        assert sentence.rstrip().endswith("."), f"this is not a sentence: {sentence!r}"
        assert len(sentence) <= _LONGEST_SENTENCE, f"this is not a short sentence: {sentence!r}"
        return False
    return True


def _resident_mb() -> float:
    return resident_mb(os.getpid()) if Path("/proc/self/status").exists() else 0.0


def main() -> None:
    """Print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the cases lie; a new one without it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = attack(options.target, options.cases, options.seed, options.folder or Path(scratch))
    print(json.dumps(vars(found)))


if __name__ == "__main__":
    main()
