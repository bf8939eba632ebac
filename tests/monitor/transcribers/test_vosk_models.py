"""Finding and fetching Vosk models from a local server, which does all that a server can do wrong."""

import hashlib
import io
import socket
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from monitor.transcribers import vosk_models
from monitor.transcribers.download import download
from monitor.transcribers.vosk_models import KnownModel, fetch, find, installed
from stser_core.errors import DownloadError, TranscriberError

MODEL_FILES = {"am/final.mdl": b"acoustics" * 10_000, "conf/model.conf": b"--beam=10\n", "graph/words.txt": b"yes 1\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no variable set."""
    monkeypatch.setattr(vosk_models, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    return tmp_path / "cache" / "stser-monitor" / "vosk"


def make_model(folder):
    for name, content in MODEL_FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GOOD = zipped({f"vosk-model-tiny/{name}": content for name, content in MODEL_FILES.items()})
TINY = KnownModel("tiny.zip", len(GOOD), hashlib.sha256(GOOD).hexdigest(), "Apache-2.0")


class Server:
    """Serves `content` at /tiny.zip, or as much of it as it is told to."""

    def __init__(self):
        self.content, self.said_length, self.stall = GOOD, None, threading.Event()
        self.stalls_after = None
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                if self.path != "/tiny.zip":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(outer.said_length or len(outer.content)))
                self.end_headers()
                if outer.stalls_after is not None:
                    self.wfile.write(outer.content[: outer.stalls_after])
                    self.wfile.flush()
                    outer.stall.wait(10)
                    return
                self.wfile.write(outer.content)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setattr(vosk_models, "BASE_ADDRESS", server.address)
    monkeypatch.setitem(vosk_models.KNOWN, "tiny", TINY)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.stall.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def assert_nothing_left(cache):
    assert list(cache.iterdir()) == []
    assert find("vosk-small-en") is None


class TestFetching:
    def test_puts_a_whole_model_into_the_cache(self, server, cache):
        progress = []
        folder = fetch("tiny", lambda *step: progress.append(step))
        assert folder == cache / "tiny"
        for name, content in MODEL_FILES.items():
            assert (folder / name).read_bytes() == content
        assert progress[-1] == (len(GOOD), len(GOOD))
        assert progress == sorted(progress)

    def test_again_needs_no_network(self, server):
        for _ in range(2):
            fetch("tiny")
        assert server.asked == 1

    def test_replaces_the_remains_of_something_broken(self, server, cache):
        (cache / "tiny").mkdir(parents=True)
        (cache / "tiny" / "half").write_text("a model")
        assert not (fetch("tiny") / "half").exists()

    def test_by_several_at_once_gives_all_the_same_model(self, server, cache):
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(fetch, ["tiny"] * 4)) == [cache / "tiny"] * 4
        assert [path.name for path in cache.iterdir()] == ["tiny"]

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"sha256": "0" * 64}, TINY.sha256),
            ({"size": len(GOOD) - 1}, str(len(GOOD) - 1)),
            ({"size": len(GOOD) + 1}, str(len(GOOD))),
            ({"archive": "other.zip"}, "404"),
        ],
    )
    def test_another_file_is_refused(self, server, cache, monkeypatch, changes, named):
        monkeypatch.setitem(vosk_models.KNOWN, "tiny", TINY._replace(**changes))
        with pytest.raises(DownloadError, match=named):
            fetch("tiny")
        assert_nothing_left(cache)

    def test_a_truncated_file_is_refused(self, server, cache):
        server.content, server.said_length = GOOD[:-100], len(GOOD)
        with pytest.raises(DownloadError):
            fetch("tiny")
        assert_nothing_left(cache)

    def test_a_server_that_falls_silent_does_not_hang_us(self, server, tmp_path):
        server.stalls_after = 100
        began = time.monotonic()
        with pytest.raises(DownloadError):
            download(server.address + "tiny.zip", tmp_path / "file", len(GOOD), "", timeout_s=0.3)
        assert time.monotonic() - began < 3

    def test_where_nobody_answers_says_so(self, server, cache, monkeypatch):
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            monkeypatch.setattr(vosk_models, "BASE_ADDRESS", f"http://127.0.0.1:{reserved.getsockname()[1]}/")
            with pytest.raises(DownloadError, match="refused"):
                fetch("tiny")
        assert_nothing_left(cache)

    def test_where_a_name_is_looked_up_for_ever_does_not_hang_us(self, tmp_path, monkeypatch):
        hanging = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: hanging.wait(10) and [])
        with pytest.raises(DownloadError, match=r"0\.4 s"):
            download("http://models.invalid/x", tmp_path / "x", 1, "", timeout_s=0.2)
        hanging.set()

    def test_a_cache_that_cannot_be_written_is_named(self, server, cache):
        cache.parent.mkdir(parents=True)
        cache.write_text("a file where the folder should be")
        with pytest.raises(DownloadError, match=str(cache.name)):
            fetch("tiny")

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(DownloadError, match="vosk-small-en"):
            fetch("vosk-large-martian")


class TestFinding:
    def test_nothing_where_there_is_nothing_or_half_a_model(self, cache):
        (cache / "vosk-small-en" / "am").mkdir(parents=True)
        (cache / "vosk-small-en" / "am" / "final.mdl").write_bytes(b"")
        assert find() is None
        assert find("vosk-small-en") is None
        assert installed() == []

    def test_a_folder_that_is_named_or_the_only_model_inside_it(self, tmp_path):
        model = make_model(tmp_path / "unpacked" / "vosk-model-small-fr")
        assert find(str(model)) == find(str(model.parent)) == model

    def test_a_name_in_the_cache(self, cache):
        model = make_model(cache / "vosk-small-en")
        assert find() == find("vosk-small-en") == model
        assert installed() == [("vosk-small-en", model, sum(map(len, MODEL_FILES.values())))]

    def test_what_is_named_comes_before_the_variable_and_that_before_the_cache(self, tmp_path, cache, monkeypatch):
        named, variable = make_model(tmp_path / "named"), make_model(tmp_path / "models" / "variable")
        make_model(cache / "vosk-small-en")
        for place in (variable, variable.parent):
            monkeypatch.setenv("VOSK_MODEL_PATH", str(place))
            assert find(str(named)) == named
            assert find() == variable

    def test_several_models_in_the_variables_folder_are_not_guessed_between(self, tmp_path, monkeypatch):
        for name in ("french", "german"):
            make_model(tmp_path / "models" / name)
        monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path / "models"))
        with pytest.raises(TranscriberError, match=r"french, german"):
            find()
        assert [name for name, _, _ in installed()] == ["french", "german"]

    def test_what_is_not_a_model_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path / "nowhere"))
        for asked, named in ((None, "nowhere"), ("martian", "'martian'"), (str(tmp_path), tmp_path.name)):
            with pytest.raises(TranscriberError, match=named):
                find(asked)
