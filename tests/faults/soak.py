"""What takes longer than a test should: a day of sound, thousands of damaged inputs, a hundred kills, many calls."""

import argparse
import datetime
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import calls
import long_stream
from fuzzing import MOST_GROWTH_MB, attacked
from kills import kill_often

_SHARES = {"audio": 0.3, "pcm": 0.2, "replays": 0.08, "lists": 0.05, "timelines": 0.15, "checkpoints": 0.1}


@dataclass(frozen=True)
class Line:
    """One line of the table: what was tried, how much of it, what came of it, and whether that is as promised."""

    tried: str
    amount: str
    result: str
    holds: bool


def main() -> None:
    """Run what was asked for, and print one table; exits with 1 where something did not hold."""
    options = _options()
    lines = []
    for line in _lines(options):
        lines.append(line)
        _say(f"{line.tried}: {line.result}")
        known = {"options": {k: v for k, v in vars(options).items() if k != "json"}}
        found = json.dumps({**known, "lines": [asdict(one) for one in lines]}, indent=2)
        options.json.write_text(found + "\n")  # after each, so that an interruption costs the rest only
    rows = [("what", "how much", "result", "holds"), ("---",) * 4]
    rows += [(line.tried, line.amount, line.result, "yes" if line.holds else "NO") for line in lines]
    print("", *(f"| {' | '.join(row)} |" for row in rows), sep="\n")
    sys.exit(0 if all(line.holds for line in lines) else 1)


def _say(*sentences: str) -> None:
    for sentence in sentences:
        print(f"{datetime.datetime.now():%H:%M:%S}  {sentence}", flush=True)


def _lines(options: argparse.Namespace) -> Iterator[Line]:
    if options.cases:
        yield from _attack_lines(options.cases, options.seed)
    if options.kills:
        kills = kill_often(options.kills, options.seed, say=_say)
        _say(*kills.faults)
        amount = ", ".join(f"{number} × {name}" for name, number in sorted(kills.done.items()))
        result = f"{kills.turns:,} turns finished before, all in readable files; {len(kills.faults)} faults"
        yield Line("ends at random moments", amount, result, not kills.faults)
    if options.calls:
        yield from _call_lines(options.calls, options.seed)
    if options.hours:
        yield from _stream_lines(options.hours)


def _attack_lines(cases: int, seed: int) -> Iterator[Line]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a process of its own
        attacks = [pool.submit(attacked, target, round(cases * share), seed) for target, share in _SHARES.items()]
        for attack in as_completed(attacks):
            found = attack.result()
            tried, amount = f"damaged {found.target}", f"{found.taken + found.refused:,} cases"
            if found.fault:
                _say(found.fault)
                yield Line(tried, "", "a fault, see above", False)
            else:
                counts = f"{found.taken:,} taken, {found.refused:,} refused in a sentence"
                memory = f"memory +{found.growth_mb:.0f} MB"
                yield Line(tried, amount, f"{counts}; {memory}", found.growth_mb < MOST_GROWTH_MB)


def _call_lines(minutes: float, seed: int) -> Iterator[Line]:
    found = calls.endure(60 * minutes, seed, say=_say)
    _say(*found.faults)
    amount = f"{calls.CALLS} calls for {minutes:g} min"
    result = f"{found.told:,} finished turns, {found.refused:,} connections with rubbish; {len(found.faults)} faults"
    yield Line("many calls: turns", amount, result, not found.faults)
    memory = f"{found.settled_mb:.0f} MB, {found.growth_mb:+.1f} MB afterwards, at most {found.most_mb:.0f} MB"
    yield Line("many calls: memory", amount, memory, found.growth_mb <= calls.MOST_GROWTH_MB)


def _stream_lines(hours: float) -> Iterator[Line]:
    found = long_stream.run(round(60 * hours), _say)
    amount, ratio = f"{hours:g} h of sound", hours * 3600 / found.took_s
    turns = f"{found.turns:,} of {found.expected:,} turns, {found.dropped_ms} ms dropped"
    yield Line("one stream: turns", amount, f"{turns}, {ratio:.0f} s of sound a second", found.whole)
    shift = f"no turn is more than {found.largest_shift_ms} ms from where it was an audio minute before"
    yield Line("one stream: times", amount, shift, found.largest_shift_ms == 0)
    after = f"{found.settled_mb:.0f} MB after {long_stream.WARM_HOURS} hours"
    memory = f"{after}, {found.growth_mb:+.1f} MB at most afterwards"
    yield Line("one stream: memory", amount, memory, found.growth_mb < long_stream.MOST_GROWTH_MB)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24, help="of sound in one stream; 0, or 3 and more (24)")
    parser.add_argument("--cases", type=int, default=12_000, help="damaged inputs (12000)")
    parser.add_argument("--kills", type=int, default=100, help="monitors that are ended (100)")
    parser.add_argument("--calls", type=float, default=20, help="minutes of many calls at once (20)")
    parser.add_argument("--seed", type=int, default=1, help="of damages and moments (1)")
    parser.add_argument("--json", type=Path, default=Path("soak.json"), help="where the table goes as JSON (soak.json)")
    options = parser.parse_args()
    if 0 < options.hours <= long_stream.WARM_HOURS:
        parser.error(f"--hours is 0, or more than {long_stream.WARM_HOURS}: memory is compared with what it was then")
    return options


if __name__ == "__main__":
    main()
