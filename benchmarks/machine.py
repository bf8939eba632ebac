"""On what was measured, and how much of it others used meanwhile."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_STAT = Path("/proc/stat")
_CPUINFO = Path("/proc/cpuinfo")
_PARTS = ("torch", "torchaudio", "vosk", "av", "numpy")


def describe() -> dict[str, str]:
    """The machine, the system and the parts that matter."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "parts": ", ".join(f"{name} {version(name)}" for name in _PARTS),
    }


@dataclass(frozen=True)
class Meter:
    """A moment from which on the use of all cores is counted."""

    wall_s: float
    busy_s: float
    own_s: float

    @classmethod
    def now(cls) -> Meter:
        """From now on."""
        return cls(time.monotonic(), _busy_s(), _own_s())

    def others(self) -> float:
        """Cores that processes other than this one and its children used since, on average."""
        now = Meter.now()
        used = (now.busy_s - self.busy_s) - (now.own_s - self.own_s)
        return max(0.0, used / max(now.wall_s - self.wall_s, 1e-9))


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy_s() -> float:
    """CPU seconds of the whole machine since its start; of this process alone where the system does not tell."""
    if not _STAT.exists():
        return _own_s()
    user, nice, system, _idle, _waiting, irq, softirq, steal = _STAT.read_text().split()[1:9]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / _TICK


def _processor() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
