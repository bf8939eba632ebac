"""Getting used to a voice: what somebody always sounds like is taken off what is heard of them.

Voices, rooms and lines differ more from each other than emotions do. So the mean of what was heard of a voice before is
taken off each of its utterances, the more of it the more was heard; normalising by speaker is old (for emotions: Busso
et al. 2011, https://doi.org/10.1109/ICASSP.2011.5947653), and here it needs neither labels nor the future.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MEMORY = 50
"""So many utterances, at most, make up what is known of a voice; then the oldest fade."""


def shift(mean: Tensor, heard: Tensor | int, usual: Tensor) -> Tensor:
    """What a voice adds to every vector, as far as is known: nothing of a new voice, half of its mean after one.

    Args:
        mean: float32 [..., size], of the vectors that were heard of it.
        heard: How many these were, int or [..., 1].
        usual: float32 [size], the mean vector of all voices.

    Returns:
        float32 [..., size].
    """
    return (mean - usual) * (heard / (heard + 1))


class Voice:
    """What has been heard of one voice so far.

    Give the utterances of a voice to the recognizer in the order in which they were said, each with the same `Voice`:
    one for a speaker or, where nobody tells the speakers apart, for a channel.
    """

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, Tensor]] = {}

    def copy(self) -> Voice:
        """One that knows the same, and what it hears this one does not learn."""
        other = Voice()
        other._heard = dict(self._heard)
        return other

    def unchanged(self) -> Voice:
        """One that knows at any time what this one knows then, and remembers nothing itself."""
        return _Unchanged(self)

    def adapted(self, reader: str, vector: Tensor, usual: Tensor) -> Tensor:
        """Take off an utterance's vector what the voice adds, then remember the vector.

        Args:
            reader: Who made the vector: vectors of different readers have nothing in common.
            vector: float32 [size].
            usual: float32 [size], the reader's mean vector of all voices.

        Returns:
            float32 [size]; for the first utterance the vector as it is.
        """
        heard, mean = self._known(reader, usual)
        known = min(heard + 1, MEMORY)
        self._heard[reader] = (known, mean + (vector - mean) / known)
        return vector - shift(mean, heard, usual)

    def _known(self, reader: str, usual: Tensor) -> tuple[int, Tensor]:
        return self._heard.get(reader, (0, usual))


class _Unchanged(Voice):
    def __init__(self, other: Voice) -> None:
        super().__init__()
        self._other = other

    def adapted(self, reader: str, vector: Tensor, usual: Tensor) -> Tensor:
        heard, mean = self._other._known(reader, usual)
        return vector - shift(mean, heard, usual)
