"""Names of files that any system can keep, and that no two files share."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 255
"""Bytes in a file name, on all usual file systems."""

_NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def file_name(path: str, ending: str, reserved: frozenset[str]) -> str:
    """A name for a file that belongs to another one.

    It is the other one's with an ending, but for parts that are too long or that Windows cannot keep, and for names
    that are taken: those are changed and get some digits of their checksum, so that no two become one.

    Args:
        path: The other file, with `/` between its parts.
        ending: Such as `.csv`.
        reserved: Names in lower case that the first part may not have.
    """
    *folders, name = path.split("/")
    parts = [_kept(part, "", frozenset()) for part in folders] + [_kept(name, ending, frozenset())]
    if parts[0].lower() in reserved:
        parts[0] = _kept(folders[0] if folders else name, "" if folders else ending, reserved)
    return "/".join(parts)


def _kept(part: str, ending: str, reserved: frozenset[str]) -> str:
    whole = part + ending
    encoded = part.encode(errors="surrogateescape")
    fits = len(encoded) + len(ending) <= _LONGEST
    if fits and whole.lower() not in reserved and not _NOT_IN_WINDOWS.search(part):
        return whole
    mark = f"~{hashlib.sha256(encoded).hexdigest()[:8]}{ending}"
    short = encoded[: _LONGEST - len(mark)].decode(errors="ignore")
    return _NOT_IN_WINDOWS.sub("_", short) + mark
