"""Finding Vosk models, and fetching them from a local server."""

import hashlib
import io
import socket
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.transcribers import vosk_models
from monitor.transcribers.vosk_models import KnownModel, download, fetch, find, installed
from stser_core.errors import DownloadError, TranscriberError

MODEL_FILES = {"am/final.mdl": b"acoustics" * 10_000, "conf/model.conf": b"--beam=10\n", "graph/words.txt": b"yes 1\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no variable set."""
    monkeypatch.setattr(vosk_models, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    return tmp_path / "cache" / "stser-monitor" / "vosk"


ZIPPED = io.BytesIO()
with zipfile.ZipFile(ZIPPED, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in MODEL_FILES.items():
        archive.writestr(f"vosk-model-tiny/{name}", content)
GOOD = ZIPPED.getvalue()
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
TINY = KnownModel("tiny.zip", len(GOOD), hashlib.sha256(GOOD).hexdigest(), "Apache-2.0")


@pytest.fixture
def folder(tmp_path, monkeypatch, served):
    """What a server has, which is where models come from."""
    (tmp_path / TINY.archive).write_bytes(GOOD)
    monkeypatch.setattr(vosk_models, "BASE_ADDRESS", f"{served}/")
    monkeypatch.setitem(vosk_models.KNOWN, "tiny", TINY)
    return tmp_path


def make_model(folder):
    zipfile.ZipFile(ZIPPED).extractall(folder.parent)
    return (folder.parent / "vosk-model-tiny").rename(folder)


class TestFetching:
    def test_puts_a_whole_model_into_the_cache_once(self, folder, cache):
        (cache / "tiny").mkdir(parents=True)
        (cache / "tiny" / "half").write_text("the remains of something broken")
        assert fetch("tiny") == cache / "tiny"
        files = {str(path.relative_to(cache / "tiny")): path for path in cache.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in files.items()} == MODEL_FILES
        (folder / TINY.archive).unlink()
        assert fetch("tiny") == cache / "tiny"

    def test_by_several_at_once_gives_all_the_same_model(self, folder, cache):
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(fetch, ["tiny"] * 4)) == [cache / "tiny"] * 4
        assert [path.name for path in cache.iterdir()] == ["tiny"]

    @pytest.mark.parametrize(
        ("changed", "value", "named"),
        [
            *(("sha256", "0" * 64, TINY.sha256), ("archive", "other.zip", "404")),
            *(("size", len(GOOD) - 1, str(len(GOOD) - 1)), ("size", len(GOOD) + 1, str(len(GOOD)))),
        ],
    )
    def test_another_file_is_refused(self, folder, cache, monkeypatch, changed, value, named):
        monkeypatch.setitem(vosk_models.KNOWN, "tiny", TINY._replace(**{changed: value}))
        with pytest.raises(DownloadError, match=named):
            fetch("tiny")
        assert list(cache.iterdir()) == []

    @pytest.mark.parametrize(("answer", "why"), [(None, "refused"), (b"", "timed out"), (HALF, "broke off")])
    def test_a_server_that_does_not_answer_does_not_hang_us(self, tmp_path, answer, why):
        def answer_once():
            with server.accept()[0] as connection:
                connection.sendall(answer)
                time.sleep(1)

        began = time.monotonic()
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            if answer is not None:
                server.listen()
                threading.Thread(target=answer_once).start()
            address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
            with pytest.raises(DownloadError, match=why):
                download(address, tmp_path / "x", 1_000, "", timeout_s=0.3)
        assert time.monotonic() - began < 3

    def test_where_a_name_is_looked_up_for_ever_does_not_hang_us(self, tmp_path, monkeypatch):
        hanging = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: hanging.wait(10) and [])
        with pytest.raises(DownloadError, match=r"0\.4 s"):
            download("http://models.invalid/x", tmp_path / "x", 1, "", timeout_s=0.2)
        hanging.set()

    def test_a_cache_that_cannot_be_written_is_named(self, folder, cache):
        cache.parent.mkdir(parents=True)
        cache.write_text("a file where the folder should be")
        with pytest.raises(DownloadError, match=str(cache.name)):
            fetch("tiny")


class TestFinding:
    def test_nothing_where_there_is_nothing_or_half_a_model(self, cache):
        (cache / "vosk-small-en" / "am").mkdir(parents=True)
        (cache / "vosk-small-en" / "am" / "final.mdl").touch()
        assert find() is find("vosk-small-en") is None
        assert installed() == []

    def test_what_is_named_comes_before_the_variable_and_that_before_the_cache(self, tmp_path, cache, monkeypatch):
        cached = make_model(cache / "vosk-small-en")
        assert find() == find("vosk-small-en") == cached
        assert installed() == [cached]
        named, variable = make_model(tmp_path / "unpacked" / "named"), make_model(tmp_path / "models" / "variable")
        for place in (variable, variable.parent):  # a folder that is named, or the only one inside it
            monkeypatch.setenv("VOSK_MODEL_PATH", str(place))
            assert find(str(named)) == find(str(named.parent)) == named
            assert find() == variable

    def test_several_models_in_the_variables_folder_are_not_guessed_between(self, tmp_path, monkeypatch):
        for name in ("french", "german"):
            make_model(tmp_path / "models" / name)
        monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path / "models"))
        with pytest.raises(TranscriberError, match=r"french, german"):
            find()
        assert [one.name for one in installed()] == ["french", "german"]

    def test_what_is_not_a_model_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path / "nowhere"))
        for asked, named in ((None, "nowhere"), ("martian", "'martian'"), (str(tmp_path), tmp_path.name)):
            with pytest.raises(TranscriberError, match=named):
                find(asked)
