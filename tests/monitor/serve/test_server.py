"""A real server with real clients: sound in by each protocol, turns out, and those who mean no good."""

import asyncio
import contextlib
import json
import socket
import time

import numpy as np
import pytest
from event_reader import Reader
from sending import calling, sent
from waiting import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from benchmarks.callers import Sound, mu_law
from monitor.cli import main
from monitor.serve.protocols import MU_LAW
from monitor.serve.security import twilio_signature

pytestmark = pytest.mark.slow


def carried(sound, protocol):
    """Samples of a sound as a protocol carries them."""
    samples = sound.samples[: 1 if protocol == "audiosocket" else 2, : sound.frames * 160]
    if protocol == "twilio":
        codes = [np.frombuffer(mu_law(channel), dtype=np.uint8) for channel in samples]
        samples = (MU_LAW[np.stack(codes)] * 32768).astype(np.int16)
    return samples


@pytest.mark.parametrize("protocol", ["twilio", "pcm", "audiosocket", "pcm with words"])
def test_rows_are_those_of_replay(
    serving, asynchronous, call, protocol, tmp_path, scratch_checkpoint, write_wav, table, request
):
    protocol, _, words = protocol.partition(" ")
    asr, served = "none", None
    if words:
        from monitor.transcribers.vosk import VoskTranscriber

        call = Sound(call.samples[:, : 12 * 8_000])
        model = request.getfixturevalue("vosk_model")
        asr, served = f"vosk:{model}", serving(transcriber=VoskTranscriber(model))
    served = served or serving()
    asynchronous(sent(calling(served, protocol), call))
    (ended,) = served.ended(patience_s=240)
    write_wav(tmp_path / "call.wav", carried(call, protocol), 8_000)
    names = "customer" if protocol == "audiosocket" else "customer,agent"
    options = ["--channels", names, "--checkpoint", str(scratch_checkpoint), "--quiet", "--asr", asr]
    assert main(["replay", str(tmp_path / "call.wav"), *options, "--csv", str(tmp_path / "call.csv")]) == 0

    assert ended["reason"] == "ended"
    rows = table(served.folder / f"{ended['call']}.csv")
    assert len(rows) > 2
    assert any(row["transcript"] for row in rows) is bool(words)
    assert rows == table(tmp_path / "call.csv")
    assert [row["turn"] for row in served.rows(ended["call"])] == list(range(1, len(rows) + 1))


def test_a_call_is_told_as_it_goes_and_when_it_has_ended(serving, asynchronous, call):
    served = serving(rules=["customer: neutral>=0", "customer: angry>=0 for 2 turns", "sad>=0"])
    with Reader(served) as reader:
        asynchronous(sent(calling(served, "pcm", "../../etc/x"), call))
        events = reader.until("call_ended")
    name = events[0]["call"]
    kinds = [kind for kind, _ in reader.events if kind != "now"]
    turns = [event for kind, event in reader.events if kind == "turn"]
    alerts = [event for kind, event in reader.events if kind == "alert"]
    rows = served.rows(name)

    assert kinds[0] == "call_started"
    assert kinds[-1] == "call_ended"
    assert turns == [{"call": name, **row} for row in rows if "recording" in row]
    assert [alert["alert"] for alert in alerts] == list(range(1, len(alerts) + 1))
    assert [row for row in rows if row.get("type") == "alert"] == [
        {key: value for key, value in alert.items() if key not in ("call", "alert")} for alert in alerts
    ]
    assert alerts[0]["at"] > events[0]["started_at"]

    assert served.ask(f"/calls/{name}/alerts/2/acknowledge", "POST")[0] == 204
    for unknown in ("99", "x", "9" * 5_000):
        assert served.ask(f"/calls/{name}/alerts/{unknown}/acknowledge", "POST")[0] == 404
    detail = json.loads(served.ask(f"/calls/{name}")[2])
    assert [alert["acknowledged"] for alert in detail["alerts"]][:3] == [False, True, False]
    assert detail["unacknowledged"] == len(alerts) - 1
    assert detail["turns"] == [row for row in rows if "recording" in row]
    assert [channel["scored"] for channel in detail["channels"]] == [True, False]

    status, headers, page = served.ask(f"/calls/{name}/report")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert name.encode() in page
    assert {path.parent for path in served.folder.parent.rglob("*.csv")} == {served.folder}

    stored = [(number, kind) for number, kind in reader.numbers if number is not None]
    middle = stored[len(stored) // 2][0]
    with Reader(served, Last_Event_ID=str(middle)) as again:  # somebody who was away
        again.until("call_ended")
    assert again.numbers == [one for one in stored if one[0] > middle]
    with Reader(served, Last_Event_ID="17") as late:
        assert late.until("reset")


@pytest.mark.parametrize("protocol", ["twilio", "pcm", "audiosocket"])
def test_a_line_that_dies_keeps_what_was_heard(serving, asynchronous, call, protocol):
    served = serving()
    asynchronous(sent(calling(served, protocol), call, 1_000, die=True))
    (ended,) = served.ended()

    assert ended["reason"] == "lost"
    assert ended["turns"] == len(served.rows(ended["call"])) > 1


def test_a_line_without_sound_ends(serving, call):
    served = serving(limits={"idle_s": 0.5})
    with connect(f"{served.ws}/media/pcm?rate=8000&channels=2") as socket_:
        for number in range(300):
            socket_.send(call.pcm(number))
        (ended,) = served.ended()
    assert ended["reason"] == "idle"


def test_hostile_clients_cost_only_themselves(serving, asynchronous, call, table):
    """Rubbish by every protocol, halves and floods, while a call goes on: its rows are those of a quiet server."""
    served = serving(limits={"head_s": 1.0, "idle_s": 5.0, "connections": 40})

    async def rubbish():
        jobs = [sent(calling(served, "pcm", "good"), call)]
        jobs += [raw(served.port, data) for data in HOSTILE_HTTP] + [raw(served.audiosocket, data) for data in HOSTILE]
        jobs += [socket_of(served, path, messages) for path in PATHS for messages in MESSAGES]
        return await asyncio.gather(*jobs, return_exceptions=True)

    results = asynchronous(rubbish())
    assert [one for one in results if isinstance(one, BaseException)] == []
    served.ended()
    good = next(one for one in served.calls() if one["call"].endswith("good"))
    asynchronous(sent(calling(served, "pcm", "again"), call))
    served.ended(len(served.calls()))
    again = next(one for one in served.calls() if one["call"].endswith("again"))

    assert good["reason"] == again["reason"] == "ended"
    assert table(served.folder / f"{good['call']}.csv") == table(served.folder / f"{again['call']}.csv")
    assert [sentence for sentence in served.said if "unforeseen" in sentence] == []


HOSTILE_HTTP = [
    b"GET /calls HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
    b"\x16\x03\x01" + bytes(500),
    b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n" + bytes(1_000),
    b"GET /media/pcm HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"",
]
HOSTILE = [b"", b"\x01", b"\x01\x00\x10" + bytes(15), b"\x10\xff\xff" + bytes(70_000), bytes(range(256)) * 100]
PATHS = ["/media/twilio", "/media/pcm?rate=8000"]
MESSAGES = [
    ["{"],
    [b"\xff" * 1_000],
    ["x" * 200_000],
    [json.dumps({"event": "start", "start": {"tracks": ["inbound"]}})]
    + [json.dumps({"event": "media", "media": {"payload": "////", "timestamp": 10**stamp}}) for stamp in range(15)],
    ['{"event": "mark"}'] * 5_000,
    [b""] * 2_000,
    [],
]


async def raw(port, data):
    """Send bytes, and wait until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        await asyncio.wait_for(reader.read(), 20)
    writer.close()


async def socket_of(served, path, messages):
    from websockets.asyncio.client import connect as connecting

    with contextlib.suppress(ConnectionClosed):
        async with connecting(served.ws + path) as socket_:
            for message in messages:
                await socket_.send(message)
            await asyncio.wait_for(socket_.recv(), 20)


def test_connections_are_bounded(serving):
    served = serving(limits={"connections": 20})
    held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(60)]
    closed = 0
    for one in held:
        one.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            with contextlib.suppress(ConnectionError):
                assert one.recv(1) == b""
            closed += 1
    assert closed >= 40
    for one in held:
        one.close()
    time.sleep(0.2)
    assert served.ask("/healthz")[0] == 200


def test_lines_are_bounded(serving, call):
    served = serving(limits={"lines": 1})
    address = f"{served.ws}/media/pcm?rate=8000&channels=2"
    with connect(address) as first:
        first.send(call.pcm(0))
        wait_until(served.calls)
        with connect(address) as second, pytest.raises(ConnectionClosed) as refused:
            second.send(call.pcm(0))
            second.recv(timeout=10)
    assert refused.value.rcvd.code == 1013


def test_a_slow_reader_is_let_go(serving, monkeypatch):
    from monitor.serve import app, events

    monkeypatch.setattr(events, "_WAITING", 50)
    monkeypatch.setattr(app, "_SEND_PATIENCE_S", 1.0)
    served = serving()
    slow = socket.create_connection(("127.0.0.1", served.port))
    slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with Reader(served) as reader:
        log = served.lines.shared.log
        while log.followed < 2:
            time.sleep(0.01)
        until = time.monotonic() + 30
        while log.followed > 1:
            assert time.monotonic() < until
            log.add("turn", {"text": "x" * 100_000})
            reader.until("turn")
    slow.close()


def test_a_token_is_asked_for_and_pages_of_others_are_refused(serving):
    guarded, local = serving(token="secret"), serving("local")
    for served, path, headers, status in (
        *((guarded, path, {}, 401) for path in ("/calls", "/events", "/metrics", "/", "/calls?token=%ed%a0%80")),
        *((guarded, "/calls", {"Authorization": each}, 401) for each in ("Bearer wrong", "Bearer ", "Basic secret")),
        (guarded, "/calls?token=secret", {"Authorization": "Bearer secre"}, 401),
        *((guarded, "/calls", {"Authorization": each}, 200) for each in ("Bearer secret", "bearer  secret")),
        *((guarded, path, {}, 200) for path in ("/calls?token=secret", "/?token=secret", "/healthz")),
        *((guarded, "/calls?token=secret", {"Origin": each}, 403) for each in ("http://evil.example", "http://[")),
        *((guarded, f"/calls/{path}?token=secret", {}, 404) for path in ("..%2f..%2fx", "x/report")),
        *((local, "/calls", {"Host": each}, 200) for each in ("localhost:1", "[::1]")),
        (local, "/calls", {"Host": "evil.example"}, 403),
        (local, "/calls", {"Host": "localhost:8765", "Origin": "http://localhost:8765"}, 200),
        (local, "/calls", {"Host": "localhost:8765", "Origin": "http://localhost:9"}, 403),
        (local, "/calls", {"Host": "localhost", "Origin": "null"}, 403),
    ):
        answered, answer, _ = served.ask(path, **headers)
        assert answered == status, (path, headers)
        assert (answer["cache-control"], answer["x-frame-options"]) == ("no-store", "DENY")


def test_streams_need_the_token_or_the_signature_of_twilio(serving):
    served, signing = serving(token="secret"), serving("signing", token="secret", twilio_token="12345")
    signature = twilio_signature("12345", f"wss://127.0.0.1:{signing.port}/media/twilio")
    signed = {"additional_headers": {"X-Twilio-Signature": signature}}
    for address, options in (
        (f"{served.ws}/media/pcm?rate=8000", {}),
        (f"{served.ws}/media/pcm?rate=8000&token=wrong", {}),
        (f"{served.ws}/media/pcm?rate=8000&token=secret", {"origin": "http://evil.example"}),
        (f"{signing.ws}/media/twilio?token=secret", {}),
        (f"{signing.ws}/media/twilio?x=1", signed),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, **options)
        assert refused.value.response.status_code == 403
    assert [sentence for sentence in served.said + signing.said if "unforeseen" in sentence] == []

    def start(**parameters):
        return json.dumps({"event": "start", "start": {"callSid": "CA1", "customParameters": parameters}})

    with connect(f"{served.ws}/media/twilio") as socket_, pytest.raises(ConnectionClosed) as closed:
        socket_.send(start())
        socket_.recv(timeout=10)
    assert closed.value.rcvd.code == 1008
    assert served.lines.calls() == []
    for server, options, parameters in ((served, {}, {"token": "secret"}), (signing, signed, {})):
        with connect(f"{server.ws}/media/twilio", **options) as socket_:
            socket_.send(start(**parameters))
            socket_.send(json.dumps({"event": "media", "media": {"payload": "////"}}))
            wait_until(server.lines.calls)


def test_a_timeline_that_cannot_be_written_ends_its_line_alone(serving, asynchronous, call):
    served = serving()
    with connect(f"{served.ws}/media/pcm?rate=8000&channels=2&call=lost") as socket_:
        socket_.send(call.pcm(0))
        wait_until(served.calls)
        (line,) = served.calls()
        (served.folder / f"{line['call']}.csv").unlink()
        with contextlib.suppress(ConnectionClosed):
            for number in range(1, 1_000):
                socket_.send(call.pcm(number))
        served.ended()
    asynchronous(sent(calling(served, "pcm", "good"), call))
    reasons = {one["call"].rpartition("-")[2]: one["reason"] for one in served.ended(2)}
    assert reasons == {"lost": "failed", "good": "ended"}
    assert any("removed" in sentence for sentence in served.said)


def test_what_is_not_http_is_refused_as_such(serving):
    served = serving()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"POST /calls HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert b"".join(iter(lambda: client.recv(1 << 10), b"")).startswith(b"HTTP/1.1 400 ")
    served.stop()
    assert served.said == []
    served.server.stop()  # a second signal
