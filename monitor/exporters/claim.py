"""A claim on a file while it is being written, so that two programs never mix their rows in one.

The claim is an advisory lock of the operating system on the open file itself: no second file is left behind, and it
ends with the process however that ends, SIGKILL included. It keeps out other writers that ask for it, never readers.
"""

from __future__ import annotations

import errno
import sys
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    _FAR_AWAY = 1 << 40
    """Windows locks bytes, also against readers; so it locks one that no timeline ever reaches."""

    def _lock(file: BinaryIO) -> None:
        file.seek(_FAR_AWAY)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK}


def claim(file: BinaryIO) -> bool:
    """Claim a file until it is closed.

    Where a file system knows no locks (some network shares), nothing is claimed and nobody is refused.

    Args:
        file: A regular file, open for appending.

    Returns:
        Whether it may be written: false where another writer has claimed it.
    """
    try:
        _lock(file)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
