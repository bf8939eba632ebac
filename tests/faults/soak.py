"""What takes longer than a test should: a day of sound, thousands of damaged inputs, a hundred kills, many calls.

    scripts/soak [--hours 24] [--cases 12000] [--kills 100] [--calls 10] [--seed 1] [--json soak.json]

Prints progress, then one table; exits with 1 where something did not hold. docs/reliability.md has a table of it.
"""

import argparse
import datetime
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from calls import CALLS, Endured, endure
from fuzzing import MOST_GROWTH_MB, Attack, attacked
from kills import Kills, kill_often
from long_stream import WARM_HOURS, LongStream, run

_SHARES = {
    "audio": 0.3,
    "pcm": 0.2,
    "replays": 0.08,
    "lists": 0.05,
    "timelines": 0.15,
    "checkpoints": 0.1,
}


@dataclass(frozen=True)
class Line:
    """One line of the table: what was tried, how much of it, what came of it, and whether that is as promised."""

    tried: str
    amount: str
    result: str
    holds: bool


def main() -> None:
    """Run what was asked for."""
    options = _options()
    lines = []
    for line in _lines(options):
        lines.append(line)
        say(f"{line.tried}: {line.result}")
        _save(options, lines)  # after each, so that an interruption costs the rest only
    print(f"\n{table(lines)}")
    sys.exit(0 if all(line.holds for line in lines) else 1)


def say(sentence: str) -> None:
    """Tell how far it is."""
    print(f"{datetime.datetime.now():%H:%M:%S}  {sentence}", flush=True)


def _lines(options: argparse.Namespace) -> Iterator[Line]:
    if options.cases:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a process of its own
            attacks = [
                pool.submit(attacked, target, round(options.cases * share), options.seed)
                for target, share in _SHARES.items()
            ]
            for attack in as_completed(attacks):
                yield _attack_line(attack.result())
    if options.kills:
        yield _kill_line(kill_often(options.kills, options.seed, say=say))
    if options.calls:
        yield from _call_lines(endure(60 * options.calls, options.seed, say=say), options.calls)
    if options.hours:
        yield from _stream_lines(run(options.hours, say))


def _attack_line(found: Attack) -> Line:
    if found.fault:
        say(found.fault)
        return Line(f"damaged {found.target}", "", "a fault, see above", False)
    result = f"{found.taken:,} taken, {found.refused:,} refused in a sentence; memory +{found.growth_mb:.0f} MB"
    return Line(f"damaged {found.target}", f"{found.cases:,} cases", result, found.growth_mb < MOST_GROWTH_MB)


def _kill_line(found: Kills) -> Line:
    for fault in found.faults:
        say(fault)
    amount = ", ".join(f"{number} × {name}" for name, number in sorted(found.done.items()))
    result = f"{found.turns:,} turns finished before, all in readable files; {len(found.faults)} faults"
    return Line("ends at random moments", amount, result, not found.faults)


def _call_lines(found: Endured, minutes: float) -> Iterator[Line]:
    for fault in found.faults:
        say(fault)
    amount = f"{CALLS} calls for {minutes:g} min"
    result = f"{found.told:,} finished turns, {found.refused:,} connections with rubbish; {len(found.faults)} faults"
    yield Line("many calls: turns", amount, result, not found.faults)
    memory = f"{found.settled_mb:.0f} MB, {found.growth_mb:+.1f} MB afterwards, at most {max(found.memory_mb):.0f} MB"
    yield Line("many calls: memory", amount, memory, found.constant)


def _stream_lines(found: LongStream) -> Iterator[Line]:
    amount = f"{found.hours:g} h of sound"
    ratio = found.hours * 3600 / found.took_s
    turns = (
        f"{found.turns:,} of {found.expected:,} turns, {found.dropped_ms} ms dropped, {ratio:.0f} s of sound a second"
    )
    yield Line("one stream: turns", amount, turns, found.whole)
    shift = f"no turn is more than {found.largest_shift_ms} ms from where it was an audio minute before"
    yield Line("one stream: times", amount, shift, found.largest_shift_ms == 0)
    settled = found.memory_mb[WARM_HOURS - 1]
    memory = f"{settled:.0f} MB after {WARM_HOURS} hours, {found.growth_mb:+.1f} MB at most afterwards"
    yield Line("one stream: memory", amount, memory, found.constant)


def table(lines: list[Line]) -> str:
    """The lines as a table in Markdown."""
    rows = [("what", "how much", "result", "holds"), ("---",) * 4]
    rows += [(line.tried, line.amount, line.result, "yes" if line.holds else "NO") for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _save(options: argparse.Namespace, lines: list[Line]) -> None:
    known = {"options": {k: v for k, v in vars(options).items() if k != "json"}}
    options.json.write_text(json.dumps({**known, "lines": [asdict(line) for line in lines]}, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24, help="of sound in one stream; 0, or 3 and more (24)")
    parser.add_argument("--cases", type=int, default=12_000, help="damaged inputs (12000)")
    parser.add_argument("--kills", type=int, default=100, help="monitors that are ended (100)")
    parser.add_argument("--calls", type=float, default=20, help="minutes of many calls at once (20)")
    parser.add_argument("--seed", type=int, default=1, help="of damages and moments (1)")
    parser.add_argument("--json", type=Path, default=Path("soak.json"), help="where the table goes as JSON (soak.json)")
    options = parser.parse_args()
    if 0 < options.hours <= WARM_HOURS:
        parser.error(f"--hours is 0, or more than {WARM_HOURS}: memory is compared with what it was then")
    return options


if __name__ == "__main__":
    main()
