"""The messages of a media stream, whichever protocol brings them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from monitor.samples import from_pcm
from stser_core.errors import StserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ProtocolError(StserError):
    """A stream that does not keep to its protocol; its connection is closed with this sentence."""


@dataclass(frozen=True)
class Start:
    """A stream begins.

    Attributes:
        call: The sender's own name of the call; may be anything, also empty.
        rate: Samples per second.
        places: The stream's channels, each by its place among the usual ones: 0 for the customer's, 1 for the agent's.
        token: The secret that came with the message, where the protocol has room for one.
        decode: Makes float32 [channels, n] in −1…1 of the bytes of one frame, or of several in a row.
    """

    call: str
    rate: int
    places: tuple[int, ...] = (0,)
    token: str | None = None
    decode: Callable[[bytes], NDArray[np.float32]] = field(default=from_pcm, compare=False)


@dataclass(frozen=True, eq=False)
class Sound:
    """A frame of sound.

    Attributes:
        channel: The first of its channels, counted from 0.
        data: Its samples as they came, for `Start.decode`.
        length: Number of samples on each of its channels, at the stream's rate.
        at_ms: Its time stamp in milliseconds on the sender's clock; `None` where it has none.
        number: Its number in the order of sending, where the sender counts.
        start: Where it has no time stamp, the index of its first sample among all that were sent.
    """

    channel: int
    data: bytes
    length: int
    at_ms: int | None = None
    number: int | None = None
    start: int = 0


@dataclass(frozen=True)
class End:
    """The sender has ended the call."""


Message: TypeAlias = Start | Sound | End


class Decoder(Protocol):
    """Makes messages of what comes through a connection; knows no connection itself."""

    def feed(self, data: bytes | str) -> Sequence[Message]:
        """Take what has come.

        Raises:
            ProtocolError: It is not of the protocol.
        """
        ...
