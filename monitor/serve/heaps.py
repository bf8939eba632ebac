"""The C library's heaps, which the many threads of a server let grow. Only glibc's; elsewhere nothing is done."""

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8
"""In glibc's malloc.h."""


def share() -> None:
    """Let all threads share two heaps, else each keeps what it once took."""
    _call("mallopt", _M_ARENA_MAX, 2)


def trim() -> None:
    """Give the pages back that no longer hold anything; takes some 20 ms."""
    _call("malloc_trim", 0)


def _call(name: str, *values: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # another C library
        getattr(ctypes.CDLL(None), name)(*values)
