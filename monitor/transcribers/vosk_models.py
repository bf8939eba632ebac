"""Vosk's models of languages and of speakers: where they are looked for, and how the small English one is fetched."""

import hashlib
import http.client
import os
import shutil
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from platformdirs import user_cache_dir

from monitor.transcribers.vosk import is_model
from stser_core.errors import DownloadError, TranscriberError, reason

BASE_ADDRESS = "https://alphacephei.com/vosk/models/"
SPEAKERS = "vosk-model-spk-0.4"
SPEAKERS_VARIABLE = "VOSK_SPEAKER_MODEL_PATH"
_SPEAKERS_FILES = ("final.ext.raw", "mean.vec", "transform.mat", "mfcc.conf")
_PIECE = 1 << 16


class KnownModel(NamedTuple):
    """A model that can be fetched by name: its archive under the base address, bytes, SHA-256, and SPDX licence."""

    archive: str
    size: int
    sha256: str
    licence: str


DEFAULT = "vosk-small-en"

KNOWN = {
    DEFAULT: KnownModel(
        "vosk-model-small-en-us-0.15.zip",
        41_205_931,
        "30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
        "Apache-2.0",
    )
}


def cache_dir() -> Path:
    """The folder in the user's cache that holds one folder for each fetched model."""
    return Path(user_cache_dir("stser-monitor")) / "vosk"


def find(name_or_dir: str | None = None) -> Path | None:
    """Look for a model: as named, else in `$VOSK_MODEL_PATH`, else the default one in the user's cache.

    It is named by its folder, or as it is called in the cache, such as `vosk-small-en`. Returns its folder, or `None`
    where there is none yet (a known name can be fetched). Raises `TranscriberError` where what was named, or what
    `$VOSK_MODEL_PATH` names, is not a model.
    """
    if name_or_dir is not None:
        return _named(name_or_dir)
    variable = os.environ.get("VOSK_MODEL_PATH")
    if not variable:
        cached = cache_dir() / DEFAULT
        return cached if is_model(cached) else None
    models = _models_in(Path(variable))  # Vosk itself reads it as a folder of models; or else it is a model
    if len(models) == 1:
        return models[0]
    if not models:
        raise TranscriberError(f"VOSK_MODEL_PATH is {variable}, which does not contain a Vosk model.")
    names = ", ".join(model.name for model in models)
    raise TranscriberError(f"VOSK_MODEL_PATH holds several models ({names}); choose one with --asr vosk:FOLDER.")


def find_speaker_model() -> Path | None:
    """The speaker model in `$VOSK_SPEAKER_MODEL_PATH` or in the user's cache, or `None`.

    Raises `TranscriberError` where the variable names a folder without one.
    """
    variable = os.environ.get(SPEAKERS_VARIABLE)
    folder = Path(variable) if variable else cache_dir() / SPEAKERS
    if all((folder / name).is_file() for name in _SPEAKERS_FILES):
        return folder
    if variable:
        raise TranscriberError(f"{SPEAKERS_VARIABLE} is {variable}, which does not hold a Vosk speaker model.")
    return None


def installed() -> list[Path]:
    """The folders of the models in `$VOSK_MODEL_PATH` and in the user's cache."""
    variable = os.environ.get("VOSK_MODEL_PATH")
    return [*(_models_in(Path(variable)) if variable else []), *_models_in(cache_dir())]


def fetch(name: str) -> Path:
    """Fetch one of the `KNOWN` models into the user's cache, unless it is there, and return its folder.

    It appears there whole or not at all, also where two programs fetch it at once. Only an archive with the known
    SHA-256 is unpacked. Raises `DownloadError` where the network fails, or the file is not the expected one.
    """
    model, target = KNOWN[name], cache_dir() / name
    if is_model(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as scratch:
            archive = Path(scratch, model.archive)
            download(BASE_ADDRESS + model.archive, archive, model.size, model.sha256)
            with ZipFile(archive) as zipped:
                zipped.extractall(Path(scratch, "unpacked"))
            if target.exists() and not is_model(target):
                shutil.rmtree(target)
            _models_in(Path(scratch, "unpacked"))[0].rename(target)
    except OSError as error:
        if not is_model(target):  # else someone else was quicker
            raise DownloadError(f"The model cannot be stored in {target}: {reason(error)}.") from error
    return target


def _named(name_or_dir: str) -> Path | None:
    for folder in (Path(name_or_dir).expanduser(), cache_dir() / name_or_dir):
        models = _models_in(folder)
        if len(models) == 1:  # the folder itself, or what an archive was unpacked to inside it
            return models[0]
    if name_or_dir in KNOWN:
        return None
    if Path(name_or_dir).expanduser().exists():
        raise TranscriberError(f"{name_or_dir} is not a Vosk model (it has no am/final.mdl with conf/).")
    raise TranscriberError(f"Unknown Vosk model {name_or_dir!r}; name a folder or one of {', '.join(KNOWN)}.")


def _models_in(folder: Path) -> list[Path]:
    if is_model(folder):
        return [folder]
    if not folder.is_dir():
        return []
    return sorted(inner for inner in folder.iterdir() if not inner.name.startswith(".") and is_model(inner))


def download(address: str, to: Path, size: int, sha256: str, timeout_s: float = 5.0) -> None:
    """Download a file of a known size in bytes, of which not one more is read, and verify its SHA-256 (hexadecimal).

    After a failure an incomplete file may remain. `timeout_s` is how long to wait for a connection, and for each piece.
    Raises `DownloadError` where the network fails, or the file is another one; `OSError` where it cannot be written.
    """
    digest, fetched = hashlib.sha256(), 0
    with _open(address, timeout_s) as response, to.open("wb") as file:
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
        inner = getattr(answer[0], "reason", None)  # of a `URLError`
        why = reason(inner if isinstance(inner, Exception) else answer[0])
        raise DownloadError(f"{address} cannot be fetched ({why}).") from answer[0]
    return answer[0]


def _read(response: http.client.HTTPResponse, address: str) -> bytes:
    try:
        return response.read(_PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{address} broke off ({reason(error)}); try again later.") from error
