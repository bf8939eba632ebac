"""Gives the program thousands of damaged inputs of one kind, and counts what came of them.

Every case has to be taken, or refused as a `StserError` with one sentence. Anything else is a fault, which Hypothesis
makes as small as it can.
"""

import faulthandler
import multiprocessing
import os
import signal
import tempfile
import traceback
from collections import Counter, deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """What came of many cases."""

    target: str
    taken: int = 0
    refused: int = 0
    growth_mb: float = 0.0  # by which the process grew when it was given the last cases several times more
    fault: str = ""  # what went wrong


def attacked(target: str, cases: int, number: int = 0) -> Attack:
    """Attack one input in a process of its own; the same number, a seed, gives the same cases.

    A decoder that crashes or hangs takes its process with it; the case that did it is then the last one noted.
    """
    own = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, own) as pool:
        said, last = Path(folder, "said"), Path(folder, "last case")
        said.touch()
        try:
            return pool.submit(_attack, target, cases, number, Path(folder)).result()
        except Exception as error:  # noqa: BLE001  whatever it is, it is the result
            case = last.read_text() if last.exists() else "none"
            told = said.read_text(errors="replace")[-6_000:] + "".join(traceback.format_exception(error))[-6_000:]
            return Attack(target, fault=f"at the case {case}\n{told}")


def _attack(target: str, cases: int, number: int, folder: Path) -> Attack:
    os.dup2(os.open(folder / "said", os.O_WRONLY), 2)
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # what the timer below sends, and what ends the process
    chosen, note = TARGETS[target](folder), folder / "last case"
    outcomes: Counter[bool] = Counter()
    last: deque[Any] = deque(maxlen=_KEPT)

    def examine(case: Any) -> bool:
        note.write_text(repr(case))
        signal.setitimer(signal.ITIMER_PROF, chosen.processor_s)
        faulthandler.dump_traceback_later(_WALL_S, exit=True)
        try:
            chosen.examine(case)
        except StserError as error:
            sentence = str(error)
            assert sentence.rstrip().endswith("."), f"this is not a sentence: {sentence!r}"
            assert len(sentence) <= _LONGEST_SENTENCE, f"this is not a short sentence: {sentence!r}"
            return False
        return True

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
    memory = []
    for _ in range(_ROUNDS):  # not while Hypothesis draws, which keeps a record of every case
        for case in last:
            examine(case)
        memory.append(resident_mb(os.getpid()) if Path("/proc/self/status").exists() else 0.0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.cancel_dump_traceback_later()
    return Attack(target, outcomes[True], outcomes[False], max(0.0, memory[-1] - memory[0]))
