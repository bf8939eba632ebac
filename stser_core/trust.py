"""Which transcripts are read at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stser_core.text import normalise

if TYPE_CHECKING:
    from stser_core.scores import Spoken

CONFIDENCE_FLOOR = 0.35
"""A transcript that its recogniser trusts less than this is treated as none."""


def trusted(spoken: Spoken) -> bool:
    """Whether an utterance has words, and its recogniser trusts them."""
    if not normalise(spoken.text or ""):
        return False
    return spoken.text_confidence is None or spoken.text_confidence >= CONFIDENCE_FLOOR
