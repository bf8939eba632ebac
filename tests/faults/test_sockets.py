"""Nothing leaves the machine: a whole replay and a whole live run use no socket, and the Hub gets no telemetry."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from speech import DATA, PROGRAM, RATE, ROOT, minute

pytestmark = pytest.mark.slow

RUN = """
import json, os, sys
seen = []
def hook(event, given):
    if event.startswith("socket."):
        seen.append([event, repr(given[1:])])
sys.addaudithook(hook)
from monitor.cli import main
code = main(json.loads(sys.argv[1]))
held = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if each.isdecimal()
        and os.path.islink(f"/proc/self/fd/{each}")] if os.path.isdir("/proc/self/fd") else []
print(json.dumps({"code": code, "seen": seen, "held": [one for one in held if one.startswith("socket:")]}))
"""

# When Vosk imports its own means of fetching, which is not used, urllib3 tries whether this machine knows IPv6.
IPV6_TRIAL = [["socket.__new__", "(10, 1, 0)"], ["socket.bind", "(('::1', 0),)"]]


def events(*arguments, sound=None):
    """What a run did with sockets, as Python's audit hooks tell it, and the sockets that it had at its end."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(arguments)],
        input=sound,
        stdin=subprocess.DEVNULL if sound is None else None,
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("asr", ["none", "vosk"])
def test_a_replay_opens_no_socket(asr, tmp_path, request):
    call, model = DATA / "calls" / "two_speakers_16k_mono.wav", ""
    if asr == "vosk":
        call = DATA / "emodb" / "03a02Nc.flac"  # Vosk's large model is slow
        model = f":{request.getfixturevalue('vosk_model')}"
    found = events("replay", str(call), "--asr", asr + model, "--csv", str(tmp_path / "call.csv"), "--quiet")
    if asr == "vosk":
        found["seen"] = [event for event in found["seen"] if event not in IPV6_TRIAL]
    assert found == {"code": 0, "seen": [], "held": []}
    assert len((tmp_path / "call.csv").read_text().splitlines()) >= 2


def test_listening_opens_no_socket(tmp_path):
    out = tmp_path / "live.csv"
    found = events("--device", "-", "--asr", "none", "--csv", str(out), "--quiet", sound=minute()[: 2 * RATE * 12])
    assert found == {"code": 0, "seen": [], "held": []}
    assert len(out.read_text().splitlines()) > 2


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace sees what native code does, and is not here")
def test_native_code_opens_no_socket_either(tmp_path):
    calls = tmp_path / "calls"
    trace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=%network", "-o", str(calls)]
    if subprocess.run([*trace, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace is not allowed to trace here")
    arguments = ["replay", str(DATA / "calls" / "two_speakers_16k_mono.wav"), "--asr", "none", "--csv", "-", "--quiet"]
    rows = subprocess.check_output([*trace, *PROGRAM, *arguments], cwd=ROOT)
    assert len(rows.splitlines()) > 2
    assert [line for line in calls.read_text().splitlines() if "+++" not in line and "---" not in line] == []


HUB = """
import stser_core, os
from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers
print(constants.HF_HUB_DISABLE_TELEMETRY, "torch" in build_hf_headers()["user-agent"])
print(os.environ["DISABLE_SAFETENSORS_CONVERSION"])
"""


def test_the_hub_gets_no_telemetry_and_no_wishes_but_ours():
    environment = {name: value for name, value in os.environ.items() if not name.endswith(("TELEMETRY", "CONVERSION"))}
    said = subprocess.check_output([sys.executable, "-c", HUB], text=True, cwd=ROOT, env=environment)
    assert said.split() == ["True", "False", "1"]
