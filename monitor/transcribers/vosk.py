"""Vosk: an offline speech recogniser that transcribes while somebody speaks."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, Transcript, Word
from monitor.samples import as_int16
from stser_core.errors import TranscriberError

_FULL_SCALE = 32768.0
_CHUNK = SAMPLE_RATE // 10  # samples that are decoded at once: the words depend on it in places
_KEPT_FOR = 600 * SAMPLE_RATE
"""Speech after which a decoder is replaced: it counts time in floats, and its part of the graph grows."""


def is_model(folder: Path) -> bool:
    """Whether a folder holds a Vosk model: an acoustic model and, but for the oldest layout, `conf/`."""
    in_parts = (folder / "am" / "final.mdl").is_file() and (folder / "conf").is_dir()
    flat = (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    return in_parts or flat


class _Decoder:
    """A `vosk.KaldiRecognizer` and its sample count: its word times go on from utterance to utterance."""

    def __init__(self, recognizer: Any) -> None:  # noqa: ANN401
        self.vosk = recognizer
        self.samples = 0


class VoskTranscriber:
    """One Vosk model for all channels; each thread keeps a decoder from one utterance to the next.

    Keeps it, because a decoder builds the part of the language model's graph that speech leads it through, and a
    fresh one would build it again: with Vosk's Korean model that took two thirds of the time. Features are fresh for
    each utterance, and nothing is random (see `_without_dither`), but what was built before may move a confidence in
    its third digit. So no two threads share a decoder, unless `share_decoders` is called: a channel's rows depend on
    that channel alone.
    """

    def __init__(self, model_dir: str | Path) -> None:
        """Load a model, in about a second; raises `TranscriberError` where the folder holds none that can be loaded."""
        folder = Path(model_dir)
        # Vosk itself prints C++ messages, and may abort, on a folder that is something else.
        if not is_model(folder):
            raise TranscriberError(f"{folder} is not a Vosk model (it has no am/final.mdl with conf/).")
        import vosk

        # Else Ctrl-C during their making leaves objects that Vosk cannot delete, and says so with a traceback.
        vosk.Model._handle = vosk.KaldiRecognizer._handle = vosk.vosk_cffi.ffi.NULL
        vosk.SetLogLevel(-1)
        self.name = f"vosk ({folder.resolve().name})"
        self._recognizer: Any = vosk.KaldiRecognizer
        self._creating = Lock()
        self._own = local()
        self._shared: list[_Decoder] | None = None
        try:
            with _without_dither(folder) as model:
                self._model = vosk.Model(model_path=str(model))
                self._keep(self._create())  # some files are opened by the first decoder only
        except Exception as error:  # Vosk raises nothing narrower
            raise TranscriberError(f"The Vosk model in {folder} cannot be loaded; it may be incomplete.") from error

    def listen(self, start_s: float) -> "VoskStream":
        """Begin an utterance that starts at `start_s` seconds of the recording."""
        try:
            decoder = self._idle().pop()
        except IndexError:
            decoder = self._create()
        return VoskStream(decoder, start_s, self._keep)

    def share_decoders(self) -> None:
        """Let every thread go on with any decoder, where many channels are transcribed at once.

        There are as many as speak at once then, and those of calls that have ended serve the next ones: for 8 calls
        that took a third less of the time, and each decoder grows by up to 250 MB.
        """
        self._shared = self._idle()

    def _idle(self) -> list[_Decoder]:
        """The decoders that wait for the next utterance of this thread."""
        if self._shared is not None:
            return self._shared
        own: list[_Decoder] = self._own.__dict__.setdefault("decoders", [])
        return own

    def _create(self) -> _Decoder:
        with self._creating:
            recognizer = self._recognizer(self._model, SAMPLE_RATE)
            recognizer.SetWords(True)
        return _Decoder(recognizer)

    def _keep(self, decoder: _Decoder) -> None:
        if decoder.samples < _KEPT_FOR:
            self._idle().append(decoder)


class VoskStream:
    """One utterance in one decoder."""

    def __init__(self, decoder: _Decoder, start_s: float, keep: Callable[[_Decoder], None]) -> None:
        """Take a decoder over, and hand it to `keep` at the end if it is fit for another utterance."""
        self._decoder, self._keep = decoder, keep
        self._start_s, self._before = start_s, decoder.samples
        self._running = True
        self._words: list[Word] = []
        self._dither = np.random.default_rng(0)
        self._waiting: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece. How the sound is cut into pieces does not matter."""
        waiting = np.concatenate([self._waiting, samples])
        whole = waiting.size - waiting.size % _CHUNK
        for start in range(0, whole, _CHUNK):
            self._decode(waiting[start : start + _CHUNK])
        self._waiting = waiting[whole:]

    def _decode(self, samples: NDArray[np.float32]) -> None:
        self._decoder.samples += samples.size
        noise = self._dither.standard_normal(samples.size, dtype=np.float32) / _FULL_SCALE
        self._running = not self._decoder.vosk.AcceptWaveform(as_int16(samples + noise).tobytes())
        if not self._running:  # Vosk has seen an end where we have not; what it has recognised would be lost
            self._collect(self._decoder.vosk.Result())

    def partial(self) -> str:
        """Return the words so far; the last ones may still change."""
        running = json.loads(self._decoder.vosk.PartialResult()).get("partial", "")
        return " ".join([*(word.text for word in self._words), *running.split()])

    def finish(self) -> Transcript:
        """End the utterance and return its words; none where nothing was recognised."""
        if self._waiting.size:
            self._decode(self._waiting)
        self._collect(self._decoder.vosk.FinalResult())
        if self._running:  # else FinalResult leaves this utterance's features for the next one
            self._keep(self._decoder)
        return Transcript(tuple(self._words))

    def _collect(self, result: str) -> None:
        before_s, fed_s = self._before / SAMPLE_RATE, (self._decoder.samples - self._before) / SAMPLE_RATE
        for one in json.loads(result).get("result", ()):
            # from the decoder's time to the recording's, inside the utterance
            start_s, end_s = (
                self._start_s + min(max(0.0, round(one[edge] - before_s, 3)), fed_s) for edge in ("start", "end")
            )
            self._words.append(Word(one["word"], start_s, end_s, float(one["conf"])))


@contextmanager
def _without_dither(model: Path) -> Iterator[Path]:
    """Make a temporary copy of a model, of links, without dither, so that the same sound always gives the same words.

    Kaldi adds random noise of one least significant bit to every frame before it takes the spectrum, seeded from a
    generator that all decoders share (`feat/feature-window.cc`, option `--dither`, 1.0 where the model's `mfcc.conf`
    says nothing). The words of an utterance then depend on what was decoded before it and on other threads. The noise
    itself, which the models were trained with, is added by `VoskStream`, the same for each utterance.
    """
    with tempfile.TemporaryDirectory(prefix="stser-monitor-vosk-") as scratch:
        copy = Path(scratch, "model")  # its own name may have letters that Kaldi cannot open on Windows
        copy.mkdir()
        for entry in model.resolve().iterdir():
            if entry.name == "conf" and entry.is_dir():
                (copy / "conf").mkdir()
                for setting in entry.iterdir():
                    _link(setting, copy / "conf" / setting.name)
            else:
                _link(entry, copy / entry.name)
        yield copy


def _link(entry: Path, at: Path) -> None:
    if entry.name in ("mfcc.conf", "fbank.conf") and entry.is_file():
        at.write_bytes(entry.read_bytes() + b"\n--dither=0\n")  # the last of several equal options counts
        return
    try:
        at.symlink_to(entry)
    except OSError:  # on Windows links are a privilege
        copy = shutil.copytree if entry.is_dir() else shutil.copyfile
        copy(entry, at)
