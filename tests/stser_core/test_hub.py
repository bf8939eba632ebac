"""Checkpoints come from the Hugging Face Hub by id; here a server answers as the Hub does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stser_core.checkpoint import load, save

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Two endpoints of the Hub: what a repository holds (`/api/models/…`), and its files (`…/resolve/…`)."""

    repositories: Path

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/models/"):
            self._describe(*path.removeprefix("/api/models/").split("/")[:2])
        else:
            self._file(path, send=True)

    def do_HEAD(self) -> None:
        self._file(urlsplit(self.path).path, send=False)

    def _describe(self, owner: str, name: str) -> None:
        folder = self.repositories / owner / name
        if not folder.is_dir():
            self._fail("RepoNotFound")
            return
        if "/tree/" in self.path:
            content: object = [self._entry(path) for path in sorted(folder.iterdir())]
        else:
            siblings = [{"rfilename": path.name} for path in sorted(folder.iterdir())]
            content = {"id": f"{owner}/{name}", "modelId": f"{owner}/{name}", "sha": COMMIT, "siblings": siblings}
        self._send(json.dumps(content).encode(), "application/json")

    def _entry(self, path: Path) -> dict[str, object]:
        return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": _digest(path)}

    def _file(self, path: str, *, send: bool) -> None:
        owner, name, _, _, *rest = path.strip("/").split("/")
        file = self.repositories / owner / name / "/".join(rest)
        if not file.parent.is_dir():
            self._fail("RepoNotFound")
        elif not file.is_file():
            self._fail("EntryNotFound")
        else:
            self._send(file.read_bytes() if send else b"", "application/octet-stream", file)

    def _send(self, content: bytes, kind: str, file: Path | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(file.stat().st_size if file else len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        if file:
            self.send_header("ETag", f'"{_digest(file)}"')
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, code: str) -> None:
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, config, build, tokenizer) -> Iterator[str]:
    """The address of a Hub that holds `someone/emotions`, a checkpoint."""
    repositories = tmp_path_factory.mktemp("hub")
    save(repositories / "someone" / "emotions", build(config), tokenizer, "# A card\n")
    (repositories / "someone" / "emotions" / "training.pickle").write_text("not wanted")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Hub,), {"repositories": repositories}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(code: str, endpoint: str, cache: Path, **environment: str) -> str:
    """Run code in a new interpreter for which the Hub is at `endpoint`; what it prints last."""
    clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    settings = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": "0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | settings | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


RESOLVE = """
from stser_core import checkpoint
print(checkpoint.resolve("someone/emotions"))
"""
FAILING = """
from stser_core import checkpoint
from stser_core.errors import CheckpointError
try:
    checkpoint.resolve("someone/nothing")
except CheckpointError as error:
    print(error)
"""


def test_a_checkpoint_comes_from_the_hub_once(hub, tmp_path, config):
    folder = Path(run(RESOLVE, hub, tmp_path))

    assert folder.is_relative_to(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert load(folder).model.config == config
    assert run(RESOLVE, "http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1") == str(folder)


def test_what_the_hub_does_not_hold(hub, tmp_path):
    assert run(FAILING, hub, tmp_path).startswith(
        "The folder someone/nothing does not exist, and the checkpoint could not be downloaded"
    )


def test_a_hub_that_does_not_answer(tmp_path):
    said = run(FAILING, "http://127.0.0.1:9", tmp_path)

    assert said.startswith("The folder someone/nothing does not exist, and the checkpoint could not be downloaded")
