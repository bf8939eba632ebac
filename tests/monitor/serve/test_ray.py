"""Two replicas on Ray: real processes, real recordings, the default checkpoint; one replica killed."""

import asyncio
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from types import SimpleNamespace
from urllib.request import Request, urlopen

import numpy as np
import pytest
from event_reader import Reader
from waiting import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from benchmarks.callers import Pcm, Sound, play
from benchmarks.serving import Serving
from monitor.cli import main
from stser_core.errors import UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None or find_spec("fastapi") is None, reason="Ray Serve is not installed"),
]

REPLICAS = (1, 2)


class Served(SimpleNamespace):
    """What is asked of a server."""

    token = None

    @property
    def port(self):
        return self.serving.port

    def ask(self, path, method="GET"):
        with urlopen(Request(self.serving.url + path, method=method), timeout=20) as answer:
            return answer.headers, answer.read()

    def calls(self):
        """By the place of the replica that answers: the number of its last event, and the calls by their names."""
        answers = {}
        while answers.keys() != set(REPLICAS):
            headers, body = self.ask("calls")
            number = int(headers["last-event-id"])
            answers[number % 1000] = number, {call["call"].rpartition("-")[2]: call for call in json.loads(body)}
        return answers

    def find(self, name):
        """A call, once all replicas show it."""
        wait_until(lambda: all(name in calls for _, calls in self.calls().values()))
        return self.calls()[1][1][name]

    def timeline(self, name, ending="jsonl"):
        (path,) = self.serving.folder.glob(f"replica_*/*-{name}.{ending}")
        return path

    def place(self, name):
        return int(self.timeline(name).parent.name.rpartition("_")[2])

    def rows(self, name):
        return [json.loads(line) for line in self.timeline(name).read_text().splitlines()]

    def process(self, place):
        """The process of a replica."""
        import psutil

        lock = str(self.serving.folder / f"replica_{place}" / ".lock")
        found = psutil.Process(self.serving.process.pid).children(recursive=True)
        (holding,) = [one for one in found if any(file.path == lock for file in one.open_files())]
        return holding


def calling(served, sound, name):
    """Stream a recording in real time, in a thread of its own."""

    async def called():
        async with Pcm.call(served.serving.sockets, name, sound.channels) as caller:
            await play(caller, sound)
            await caller.hang_up()

    result = served.threads.submit(lambda: asyncio.run(called()))
    time.sleep(0.3)  # calls that begin at the same instant may all get the same replica
    return result


@pytest.fixture(scope="module")
def sounds(data):
    """The first seconds of three calls."""
    names = ("auto_repair_call_8k_stereo.flac", "auto_repair_call_8k_mono.wav", "two_speakers_16k_mono.wav")
    return [Sound(Sound.read(data / "calls" / name).samples[:, : 12 * 8_000]) for name in names]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("ray"), ("--asr", "none", "--ray", "auto", "--replicas", "2")) as serving:
        yield Served(serving=serving, threads=ThreadPoolExecutor(8))


def test_calls_are_shared_out_and_each_replica_shows_all(served, sounds, tmp_path, write_wav, table):
    with Reader(served) as reader:
        callers = [calling(served, sound, f"call{number}") for number, sound in enumerate(sounds)]
        assert [caller.exception(60) for caller in callers] == [None] * 3
        for _ in sounds:
            reader.until("call_ended")
        events, numbers = list(reader.events), list(reader.numbers)
    assert {served.place(f"call{number}") for number in range(3)} == set(REPLICAS)

    for number, sound in enumerate(sounds):
        name = f"call{number}"
        call = served.find(name)
        write_wav(tmp_path / f"{name}.wav", np.ascontiguousarray(sound.samples[:, : sound.frames * 160]), 8_000)
        speakers = ",".join(("customer", "agent")[: sound.channels])
        options = ["--channels", speakers, "--quiet", "--asr", "none", "--csv", str(tmp_path / f"{name}.csv")]
        assert main(["replay", str(tmp_path / f"{name}.wav"), *options]) == 0
        written = table(served.timeline(name, "csv"))
        assert len(written) > 1
        assert written == table(tmp_path / f"{name}.csv")
        told = [values["turn"] for kind, values in events if kind == "turn" and values["call"] == call["call"]]
        assert told == list(range(1, call["turns"] + 1))
        assert len(json.loads(served.ask(f"calls/{call['call']}")[1])["turns"]) == call["turns"]
        assert b"<html" in served.ask(f"calls/{call['call']}/report")[1]

    stored = [(number, event) for number, event in zip(numbers, events, strict=True) if number[0] is not None]
    after = stored[2][0][0]
    for _ in range(6):  # whichever replica answers
        with Reader(served, Last_Event_ID=str(after)) as again:
            while len([kind for kind, _ in again.events if kind == "call_ended"]) < 3:
                again.until("call_ended")
            resumed = [pair for pair in zip(again.numbers, again.events, strict=True) if pair[0][0] is not None]
        assert resumed == stored[3:]
    for place, (number, _) in served.calls().items():
        with Reader(served, Last_Event_ID=str(number - 1_000_000)) as reader:
            reader.until("reset")
            assert reader.numbers[-1][0] % 1000 == place

    metrics = served.ask("metrics")[1].decode()
    assert sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("stser_calls_total{")) == 3


def test_what_ray_does_not_bound_is_bounded(served):
    with connect(f"{served.serving.sockets}/media/pcm?call=long") as socket:
        socket.send(bytes(1 << 17))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
    assert closed.value.rcvd.code == 1003
    with pytest.raises(InvalidStatus) as refused, connect(f"{served.serving.sockets}/media/pcm?rate=1"):
        pass
    assert refused.value.response.status_code == 403
    assert b"rate is 1 Hz" in refused.value.response.body


def test_nothing_listens_beyond_this_machine_and_replicas_ask_for_their_token(served):
    import psutil

    family = psutil.Process(served.serving.process.pid).children(recursive=True)
    listening = [(one, each) for one in family for each in one.net_connections("inet") if each.status == "LISTEN"]
    elsewhere = {each.laddr.ip.removeprefix("::ffff:") for _, each in listening} - {"127.0.0.1", "::1"}
    assert elsewhere == set()
    addresses = {call["server"] for _, calls in served.calls().values() for call in calls.values() if "server" in call}
    assert len(addresses) == 2
    for address in addresses:
        with pytest.raises(OSError, match="401"):
            urlopen(f"{address}/calls", timeout=20)
        with pytest.raises(InvalidStatus), connect(f"{address.replace('http', 'ws')}/media/pcm"):
            pass


def test_a_killed_replica_loses_no_turn_and_comes_back(served, sounds):
    stereo = Sound(np.tile(sounds[0].samples, 2))
    callers = {name: calling(served, stereo, name) for name in ("one", "two")}
    wait_until(lambda: all(served.find(name)["turns"] for name in callers), 60)
    assert served.place("one") != served.place("two")
    turns = served.find("one")["turns"]
    killed = served.process(served.place("one"))
    os.kill(killed.pid, signal.SIGKILL)

    assert callers["one"].exception(20) is not None
    assert len(served.rows("one")) >= turns
    assert callers["two"].exception(60) is None
    wait_until(lambda: served.find("two")["reason"] == "ended", 60)
    wait_until(lambda: served.find("one")["reason"] == "earlier", 60)
    assert served.find("one")["turns"] == len(served.rows("one"))
    assert served.process(served.place("one")).pid != killed.pid
    for name in ("one", "two"):
        assert b"<html" in served.ask(f"calls/{served.find(name)['call']}/report")[1]


def test_a_signal_ends_all_lines_in_order(served, sounds, table):
    import psutil

    callers = [calling(served, sounds[0], name) for name in ("last1", "last2")]
    wait_until(lambda: all(served.find(name)["turns"] for name in ("last1", "last2")), 60)
    before = {name: served.find(name)["turns"] for name in ("last1", "last2")}
    family = psutil.Process(served.serving.process.pid).children(recursive=True)
    served.serving.process.send_signal(signal.SIGTERM)
    assert served.serving.process.wait(30) == 143
    for caller in callers:
        caller.exception(10)
    for name, turns in before.items():
        assert len(served.rows(name)) >= turns
        assert len(table(served.timeline(name, "csv"))) == len(served.rows(name))
    psutil.wait_procs(family, 5)
    assert [one for one in family if one.is_running()] == []
    assert [line for line in served.serving.said.splitlines() if not line.startswith("stser-monitor: ")] == []


def test_a_signal_to_all_of_its_processes_ends_it_soon(tmp_path):
    with Serving(tmp_path, ("--asr", "none", "--ray", "auto")) as serving:
        os.killpg(serving.process.pid, signal.SIGTERM)  # as `timeout`, systemd or a terminal that is closed does
        assert serving.process.wait(30) == 143


@pytest.mark.parametrize(
    ("options", "value", "code"),
    [
        (["--ray", "127.0.0.1:1"], "127.0.0.1:1", UsageError.exit_code),
        (["--ray", "auto", "--checkpoint", "nowhere"], "nowhere", 1),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(tmp_path, options, value, code):
    serving = Serving(tmp_path, ("--asr", "none", *options))
    with pytest.raises(RuntimeError, match="does not listen"):
        serving.start()
    assert serving.process.wait(20) == code
    assert value in serving.said
    assert len(serving.said.splitlines()) == 1
