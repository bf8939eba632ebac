"""The figures that the paper prints for IEMOCAP, four classes, five folds (its Tables 1 and 2), in percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Published:
    """A published pair of figures in percent; `None` where the paper prints none."""

    wa: float
    ua: float | None


TABLE_1: Mapping[str, Published] = MappingProxyType(
    {
        "speech": Published(53.35, 55.00),
        "text": Published(59.32, 59.40),
        "bimodal": Published(70.83, 71.70),
        "ensemble": Published(71.06, 72.05),
    }
)
"""STSER's own classifiers and their ensemble."""

TABLE_2: Mapping[str, Published] = MappingProxyType(
    {
        "E_vec-MCNN-LSTM": Published(64.9, 65.9),
        "MDRE": Published(71.8, None),
        "Att-align": Published(72.5, 70.9),
        "IIEmoNet(BE)": Published(73.5, 71.0),
    }
)
"""Those that the paper compares itself with."""
