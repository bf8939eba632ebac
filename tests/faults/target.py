"""One kind of input from outside, to be damaged: see `targets.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Target:
    """One input from outside.

    Attributes:
        cases: What Hypothesis draws.
        examine: Gives the program a case: returns when it was taken, raises a `StserError` when it was refused.
        processor_s: The most processor time that a case may take.
    """

    cases: st.SearchStrategy[Any]
    examine: Callable[[Any], None]
    processor_s: float = 10.0
