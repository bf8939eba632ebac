"""The C library's heaps, which the many threads of a server let grow. Only glibc's; elsewhere nothing is done."""

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

_M_ARENA_MAX = -8
"""In glibc's malloc.h."""

_TRIM_S = 10.0


def keep_small() -> None:
    """Let all threads share two heaps, else each keeps what it once took; and give empty pages back ever so often."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 2)
        Thread(target=_trim, args=(library.malloc_trim,), name="heaps", daemon=True).start()


def _trim(malloc_trim: Callable[[int], int]) -> None:
    while True:
        time.sleep(_TRIM_S)
        malloc_trim(0)  # takes some 20 ms
