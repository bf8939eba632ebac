"""Notices an input that delivers nothing but zeros, which no microphone in a room does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_TOLERATED_S = 5.0
_REPEATED_S = 60.0


class ZeroWatch:
    """Tells of five seconds of exact zeros, once for each such silence, and not more often than once a minute.

    It is no error: a muted microphone does it, and so does software that removes noise, in every pause.
    """

    def __init__(self, name: str, notices: Callable[[str], None]) -> None:
        """Watch the input of this name."""
        self._name = name
        self._notices = notices
        self._zeros_s = 0.0
        self._since_told_s = _REPEATED_S

    def hear(self, samples: NDArray[np.float32], rate: int) -> None:
        """Look at the next samples, float32 [channels, n] at `rate`."""
        length_s = samples.shape[1] / rate
        before_s = self._zeros_s
        self._zeros_s = 0.0 if samples.any() else before_s + length_s
        self._since_told_s += length_s
        if before_s < _TOLERATED_S <= self._zeros_s and self._since_told_s >= _REPEATED_S:
            self._since_told_s = 0.0
            self._notices(
                f"The input '{self._name}' has delivered nothing but exact zeros for {_TOLERATED_S:.0f} seconds; it "
                "may be muted, or another program may keep it to itself."
            )
