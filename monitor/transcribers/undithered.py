"""A Vosk model without dither, so that the same sound always gives the same words.

Kaldi adds random noise of one least significant bit to every frame before it takes the spectrum, seeded from a
generator that all recognisers share (`feat/feature-window.cc`, option `--dither`, 1.0 where the model's
`mfcc.conf` says nothing). The words of an utterance then depend on what was decoded before it and on other
threads. Here the model is opened with `--dither=0`; the noise itself, which the models were trained with and
which keeps digital silence out of them, is added by the transcriber, the same for each utterance.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FEATURES = ("mfcc.conf", "fbank.conf")


@contextmanager
def undithered(model: Path) -> Iterator[Path]:
    """Lend a folder that is the model in all but its dither. The model itself stays as it is.

    Args:
        model: The model's folder, in the present layout (`conf/mfcc.conf`) or the old one (`mfcc.conf`).

    Yields:
        The folder; it goes away, and Vosk needs it only while it loads.

    Raises:
        OSError: It cannot be made, or the model cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="stser-monitor-vosk-") as scratch:
        lent = Path(scratch, model.resolve().name)
        lent.mkdir()
        for entry in model.resolve().iterdir():
            if entry.name == "conf" and entry.is_dir():
                (lent / "conf").mkdir()
                for setting in entry.iterdir():
                    _lend(setting, lent / "conf" / setting.name)
            else:
                _lend(entry, lent / entry.name)
        yield lent


def _lend(entry: Path, at: Path) -> None:
    if entry.name in _FEATURES and entry.is_file():
        # The last of several equal options counts.
        at.write_bytes(entry.read_bytes() + b"\n--dither=0\n")
        return
    try:
        at.symlink_to(entry)
    except OSError:
        # On Windows links are a privilege.
        if entry.is_dir():
            shutil.copytree(entry, at)
        else:
            shutil.copyfile(entry, at)
