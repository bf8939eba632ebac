"""The command in a process of its own: what it refuses, how it ends, and what is left when it is killed."""

import json
import shutil
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from waiting import wait_until
from websockets.sync.client import connect

from benchmarks.callers import Sound
from benchmarks.serving import Serving
from monitor.cli import main
from stser_core.files import locked

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (["--host", "0.0.0.0"], "--token-file"),
        (["--token-file", "missing"], "missing"),
        (["--audiosocket", "0.0.0.0:0"], "--audiosocket-from"),
        (["--audiosocket", "x"], "x"),
        (["--audiosocket", "99999"], "99999"),
        (["--audiosocket-from", "here"], "here"),
        (["--webhook", "http://127.0.0.1/"], "--webhook-secret-file"),
        (["--tls-cert", "x"], "--tls-key"),
        (["--alert", "agent: angry>0.5"], "agent"),
        (["--on-alert", "true"], "--alert"),
        (["--channels", "mix"], "mix"),
        (["--channels", "customer,customer"], "customer"),
        (["--replicas", "2"], "--ray"),
        (["--ray", "auto", "--tls-cert", "x"], "--tls-cert"),
        (["--ray", "auto", "--audiosocket", "0"], "--audiosocket"),
        (["--ray", "auto", "--peer", "http://127.0.0.1:1"], "--peer"),
        (["--host", "203.0.113.7", "--token-file", str(ROOT / "LICENSE")], "LICENSE"),
    ],
)
def test_what_cannot_be_is_refused(options, value, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["serve", "--out", "out", "--port", "0", "--asr", "none", *options]) == 2
    assert value in capsys.readouterr().err


def test_the_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for module in [name for name in sys.modules if name.startswith("monitor.serve")]:
        monkeypatch.delitem(sys.modules, module)

    assert main(["serve", "--out", str(tmp_path)]) == 1
    assert "stser-monitor[serve]" in capsys.readouterr().err


@pytest.mark.parametrize("more", [(), ("--ray", "auto")])
def test_a_folder_has_one_server(more, tmp_path):
    with locked(tmp_path, tmp_path / ".lock"):
        assert main(["serve", "--out", str(tmp_path), "--port", "0", "--asr", "none", *more]) == 1


@pytest.fixture
def serve(scratch_checkpoint, tmp_path):
    """Prepare a server in a process of its own."""
    return lambda *options: Serving(tmp_path, ("--asr", "none", "--checkpoint", str(scratch_checkpoint), *options))


def ask(serving, path="calls", method="GET"):
    with urlopen(Request(serving.url + path, method=method), timeout=20) as answer:
        return answer.read()


def until(serving, condition):
    """The calls, as soon as they are so."""
    wait_until(lambda: condition(json.loads(ask(serving))), 60)
    return json.loads(ask(serving))


@contextmanager
def stream(serving, data):
    """Send 9 s of a call in five, and leave the line open meanwhile."""
    sound = Sound.read(data / "calls" / "auto_repair_call_8k_stereo.flac")
    with connect(f"{serving.sockets}/media/pcm?rate=8000&channels=2&call=x", close_timeout=1) as socket:
        began = time.monotonic()
        for number in range(450):
            socket.send(sound.pcm(number))
            time.sleep(max(0.0, began + number * 0.01 - time.monotonic()))
        yield


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls(serve, tmp_path):
    certificate, key, token = (tmp_path / name for name in ("cert.pem", "key.pem", "token"))
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(making, check=True, capture_output=True)
    token.write_text("secret\n")
    trusting = ssl.create_default_context(cafile=str(certificate))
    options = ["--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(token)]
    with serve(*options) as serving:
        request = Request(f"https://127.0.0.1:{serving.port}/calls", headers={"Authorization": "Bearer secret"})
        with urlopen(request, timeout=20, context=trusting) as answer:
            assert answer.read() == b"[]"
        with connect(f"wss://127.0.0.1:{serving.port}/media/pcm?token=secret", ssl=trusting) as socket:
            socket.send(bytes(3_200))

    options[3] = str(certificate)
    assert main(["serve", "--out", str(tmp_path / "out"), "--port", "0", "--asr", "none", *options]) == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_all_lines_in_order(serve, data, number, code):
    with serve() as serving, stream(serving, data), stream(serving, data):
        before = until(serving, lambda calls: all(call["turns"] for call in calls))
        serving.process.send_signal(number)
        assert serving.process.wait(20) == code
    for call in before:
        rows = [json.loads(line) for line in (serving.folder / f"{call['call']}.jsonl").read_text().splitlines()]
        assert len(rows) >= call["turns"]
        assert len((serving.folder / f"{call['call']}.csv").read_text().splitlines()) == len(rows) + 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_second_signal_ends_it_at_once_and_in_silence(serve):
    with serve() as serving:
        said = serving.said
        serving.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(20) == 143
        assert serving.said == said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_kill_loses_no_finished_turn(serve, data):
    with serve("--alert", "neutral>=0", "--score-agents") as serving:
        with stream(serving, data):
            (before,) = until(serving, lambda calls: calls and calls[0]["turns"] > 1 and calls[0]["alerts"])
            serving.kill()
        with (serving.folder / f"{before['call']}.jsonl").open("a") as file:
            file.write('{"recording": "half a l')

        serving.start()
        (after,) = json.loads(ask(serving))
        assert after["turns"] >= before["turns"]
        assert (after["reason"], after["unacknowledged"]) == ("earlier", after["alerts"])
        assert [one["speaker"] for one in after["channels"]] == ["customer", "agent"]
        ask(serving, f"calls/{after['call']}/alerts/1/acknowledge", "POST")
        assert ask(serving, f"calls/{after['call']}/report")
        with stream(serving, data):
            until(serving, lambda calls: len(calls) == 2 and calls[1]["turns"])
        serving.kill()
        serving.start()
        calls = json.loads(ask(serving))
        assert calls[0]["unacknowledged"] == after["alerts"] - 1
        assert len({call["call"] for call in calls}) == 2
