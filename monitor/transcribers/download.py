"""Downloads a file whose size and checksum are known."""

from __future__ import annotations

import hashlib
import http.client
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from stser_core.errors import DownloadError

if TYPE_CHECKING:
    from pathlib import Path

_PIECE = 1 << 16


def download(address: str, to: Path, size: int, sha256: str, timeout_s: float = 5.0) -> None:
    """Download a file and verify its size and checksum.

    Args:
        address: An http or https address.
        to: Where it is written; after a failure an incomplete file may remain.
        size: Its size in bytes; not one more is read.
        sha256: Its SHA-256 in hexadecimal.
        timeout_s: How long to wait for a connection, and for each piece.

    Raises:
        DownloadError: The network fails, the server refuses or stops answering, or the file is another one.
        OSError: The file cannot be written.
    """
    digest = hashlib.sha256()
    fetched = 0
    response = _open(address, timeout_s)
    with response, to.open("wb") as file:
        while fetched <= size and (piece := _read(response, address)):
            file.write(piece)
            digest.update(piece)
            fetched += len(piece)
    if fetched != size:
        found = "more" if fetched > size else f"only {fetched}"
        raise DownloadError(f"{address} should have {size} bytes but has {found}; try again later.")
    if digest.hexdigest() != sha256:
        raise DownloadError(f"{address} is not the expected file: its SHA-256 is {digest.hexdigest()}.")


def _open(address: str, timeout_s: float) -> http.client.HTTPResponse:
    """Connect in a thread of its own, since the look-up of a name has no timeout and can hang for a minute."""
    answer: list[http.client.HTTPResponse | Exception] = []

    def connect() -> None:
        try:
            answer.append(urllib.request.urlopen(address, timeout=timeout_s))
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            answer.append(error)

    thread = threading.Thread(target=connect, name="connect", daemon=True)
    thread.start()
    thread.join(2 * timeout_s)
    if not answer:
        raise DownloadError(f"{address} cannot be reached (no answer within {2 * timeout_s:g} s).")
    if isinstance(answer[0], Exception):
        raise DownloadError(f"{address} cannot be fetched ({_reason(answer[0])}).") from answer[0]
    return answer[0]


def _read(response: http.client.HTTPResponse, address: str) -> bytes:
    try:
        return response.read(_PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{address} broke off ({_reason(error)}); try again later.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _reason(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
