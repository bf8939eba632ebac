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

pytestmark = pytest.mark.slow  # starts processes

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Two endpoints of the Hub: what a repository holds (`/api/models/…`), and its files (`…/resolve/…`)."""

    repositories: Path

    def do_GET(self) -> None:
        self._answer(send=True)

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def _answer(self, *, send: bool) -> None:
        owner, name, *rest = urlsplit(self.path).path.removeprefix("/api/models").strip("/").split("/")
        folder = self.repositories / owner / name
        file = folder / "/".join(rest[2:])
        if not folder.is_dir():
            self._send(b"", {"X-Error-Code": "RepoNotFound"}, HTTPStatus.NOT_FOUND)
        elif self.path.startswith("/api"):
            files = [{"type": "file", "path": path.name, "size": 1, "oid": COMMIT} for path in sorted(folder.iterdir())]
            siblings = [{"rfilename": one["path"]} for one in files]
            described = {"id": f"{owner}/{name}", "modelId": f"{owner}/{name}", "sha": COMMIT, "siblings": siblings}
            content = json.dumps(files if "/tree/" in self.path else described).encode()
            self._send(content, {"Content-Type": "application/json"})
        elif not file.is_file():
            self._send(b"", {"X-Error-Code": "EntryNotFound"}, HTTPStatus.NOT_FOUND)
        else:
            content = file.read_bytes()
            tag = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "Content-Length": str(len(content))}
            self._send(content if send else b"", tag)

    def _send(self, content: bytes, headers: dict[str, str], status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content)), "X-Repo-Commit": COMMIT} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


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
        [sys.executable, "-c", code], env=clean | settings | environment, capture_output=True, text=True, check=False
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


@pytest.mark.parametrize("answers", [True, False])
def test_what_the_hub_does_not_hold_or_a_hub_that_does_not_answer(hub, tmp_path, answers):
    said = run(FAILING, hub if answers else "http://127.0.0.1:9", tmp_path)

    assert said.startswith("The folder someone/nothing does not exist, and the checkpoint could not be downloaded")
