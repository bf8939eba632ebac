"""The command in a process of its own: what it refuses, how it ends, and what is left when it is killed."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest
from websockets.sync.client import connect

from benchmarks.callers import Sound
from monitor.cli import main

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (["--host", "0.0.0.0"], "--token-file"),
        (["--token-file", "missing"], "missing"),
        (["--audiosocket", "0.0.0.0:0"], "--audiosocket-from"),
        (["--audiosocket", "x"], "x"),
        (["--audiosocket-from", "here"], "here"),
        (["--webhook", "http://127.0.0.1/"], "--webhook-secret-file"),
        (["--tls-cert", "x"], "--tls-key"),
        (["--alert", "agent: angry>0.5"], "agent"),
        (["--on-alert", "true"], "--alert"),
        (["--channels", "mix"], "mix"),
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls(scratch_checkpoint, tmp_path):
    certificate, key, out = (tmp_path / name for name in ("cert.pem", "key.pem", "out"))
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(making, check=True, capture_output=True)
    token = tmp_path / "token"
    token.write_text("secret\n")
    trusting = ssl.create_default_context(cafile=str(certificate))
    options = ["--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(token)]
    with Program(out, scratch_checkpoint, *options) as program:
        connection = HTTPSConnection("127.0.0.1", program.port, timeout=20, context=trusting)
        connection.request("GET", "/calls", headers={"Authorization": "Bearer secret"})
        assert connection.getresponse().read() == b"[]"
        connection.close()
        with connect(f"wss://127.0.0.1:{program.port}/media/pcm?token=secret", ssl=trusting) as socket:
            socket.send(bytes(3_200))

    options[3] = str(certificate)
    assert main(["serve", "--out", str(out), "--port", "0", "--asr", "none", *options]) == 2


class Program:
    """The command, from when it listens."""

    def __init__(self, out, checkpoint, *options):
        command = "import sys; from monitor.cli import main; sys.exit(main())"
        arguments = ["serve", "--out", str(out), "--port", "0", "--asr", "none", "--checkpoint", str(checkpoint)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, *arguments, *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.said = ""
        while (found := re.search(r"listening at https?://127.0.0.1:(\d+)", self.said)) is None:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def calls(self):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/calls")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    @contextmanager
    def stream(self, data, name):
        """Send 9 s of a call in five, and leave the line open meanwhile."""
        sound = Sound.read(data / "calls" / "auto_repair_call_8k_stereo.flac")
        with connect(
            f"ws://127.0.0.1:{self.port}/media/pcm?rate=8000&channels=2&call={name}", close_timeout=1
        ) as socket:
            began = time.monotonic()
            for number in range(450):
                socket.send(sound.pcm(number))
                time.sleep(max(0.0, began + number * 0.01 - time.monotonic()))
            yield

    def until(self, condition):
        end = time.monotonic() + 60
        while not condition(found := self.calls()):
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_all_lines_in_order(data, scratch_checkpoint, tmp_path, number, code):
    with (
        Program(tmp_path, scratch_checkpoint) as program,
        program.stream(data, "x"),
        program.stream(data, "x"),
    ):
        program.until(lambda calls: all(call["turns"] for call in calls))
        before = program.calls()
        program.process.send_signal(number)
        assert program.process.wait(20) == code
    for call in before:
        rows = [json.loads(line) for line in (tmp_path / f"{call['call']}.jsonl").read_text().splitlines()]
        assert len(rows) >= call["turns"]
        assert len((tmp_path / f"{call['call']}.csv").read_text().splitlines()) == len(rows) + 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_second_signal_ends_it_at_once_and_in_silence(scratch_checkpoint, tmp_path):
    with Program(tmp_path, scratch_checkpoint) as program:
        program.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(20) == 143
        assert program.process.stderr.read() == ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_kill_loses_no_finished_turn(data, scratch_checkpoint, tmp_path):
    alerts = "--alert", "neutral>=0", "--score-agents"
    with Program(tmp_path, scratch_checkpoint, *alerts) as program, program.stream(data, "x"):
        (before,) = program.until(lambda calls: calls and calls[0]["turns"] > 1 and calls[0]["alerts"])
        program.process.kill()
        program.process.wait()
    path = tmp_path / f"{before['call']}.jsonl"
    with path.open("a") as file:
        file.write('{"recording": "half a l')

    with Program(tmp_path, scratch_checkpoint, *alerts) as program:
        (after,) = program.calls()
        assert after["turns"] >= before["turns"]
        assert (after["reason"], after["unacknowledged"]) == ("earlier", after["alerts"])
        assert [one["speaker"] for one in after["channels"]] == ["customer", "agent"]
        for address, method in (("alerts/1/acknowledge", "POST"), ("report", "GET")):
            connection = HTTPConnection("127.0.0.1", program.port, timeout=20)
            connection.request(method, f"/calls/{after['call']}/{address}")
            assert connection.getresponse().status in (200, 204)
            connection.close()
        with program.stream(data, "x"):
            program.until(lambda calls: len(calls) == 2 and calls[1]["turns"])
    with Program(tmp_path, scratch_checkpoint, *alerts) as program:
        assert program.calls()[0]["unacknowledged"] == after["alerts"] - 1
        assert len({call["call"] for call in program.calls()}) == 2
