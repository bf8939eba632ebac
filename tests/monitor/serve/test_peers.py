"""Servers that show each other's calls: real servers, real connections, one of them lost and found again."""

import json
from socket import create_server
from threading import Thread

import pytest
from event_reader import Reader
from waiting import wait_until
from websockets.sync.client import connect

from stser_core.errors import UsageError

pytestmark = pytest.mark.slow


def connected(served, name):
    return connect(f"{served.ws}/media/pcm?rate=8000&channels=2&call={name}&token=secret")


def send(served, sound, name):
    """Send 16 s."""
    with connected(served, name) as socket:
        for number in range(800):
            socket.send(sound.pcm(number))


def names(served):
    return sorted(call["call"].rpartition("-")[2] for call in served.calls())


@pytest.fixture
def pair(serving):
    """Two servers that follow each other."""
    other = serving("other", token="secret", rules=["customer: neutral>=0", "customer: angry>=0"])
    front = serving("front", token="secret", peers=[other.url])
    other.follow(front.url)
    wait_until(lambda: front.peers[0].reachable and other.peers[0].reachable)
    return front, other


def test_a_peers_calls_are_shown_as_they_go(pair, call):
    """Both follow each other, which neither doubles a call nor sends an event around for ever."""
    front, other = pair
    with Reader(front) as reader:
        send(front, call, "own")
        reader.until("call_ended")
        send(other, call, "foreign")
        events = reader.until("call_ended")
        kinds = [kind for kind, _ in reader.events[-len(events) :] if kind != "now"]
    ended = events[-1]
    name = ended["call"]

    assert (kinds[0], kinds[-1], kinds.count("turn")) == ("call_started", "call_ended", ended["turns"])
    assert names(front) == names(other) == ["foreign", "own"]
    (shown,), (own,) = ([each for each in served.calls() if each["call"] == name] for served in pair)
    assert shown == {**own, "server": other.url}
    assert shown["alerts"] == 2

    assert front.ask(f"/calls/{name}/alerts/1/acknowledge?token=secret", "POST")[0] == 204
    (_, headers, shown), (_, _, own) = (served.ask(f"/calls/{name}?token=secret") for served in pair)
    assert json.loads(shown) == {**json.loads(own), "server": other.url} and headers["last-event-id"]
    detail = json.loads(front.ask(f"/calls/{name}?token=secret")[2])
    assert [alert["acknowledged"] for alert in detail["alerts"]] == [True, False]
    wait_until(lambda: front.peers[0].calls[name]["unacknowledged"] == detail["unacknowledged"])
    status, headers, page = front.ask(f"/calls/{name}/report?token=secret")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (status, page) == (200, other.ask(f"/calls/{name}/report?token=secret")[2])
    assert front.ask("/calls/20260101-000000-none?token=secret")[0] == 404


def test_a_server_that_is_its_own_peer_or_is_given_twice_doubles_nothing(serving, call):
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    other = serving("other", token="secret")
    itself = f"http://127.0.0.1:{port}"
    front = serving("front", token="secret", port=port, peers=[itself, other.url, other.url])
    wait_until(lambda: all(peer.reachable for peer in front.peers))
    with Reader(front) as reader:
        for served, name in (
            (front, "own"),
            (other, "foreign"),
            (front, "last"),
        ):  # what is doubled comes before its end
            send(served, call, name)
            reader.until("call_ended")
        kinds = [kind for kind, _ in reader.events]
    assert names(front) == ["foreign", "last", "own"]
    assert kinds.count("call_started") == kinds.count("call_ended") == 3
    assert kinds.count("turn") == sum(each["turns"] for each in front.calls())


def test_calls_of_one_name_on_two_servers_send_no_event_around(pair, call):
    front = pair[0]
    with Reader(front) as reader:
        senders = [Thread(target=send, args=(served, call, "same")) for served in pair]
        for sender in senders:
            sender.start()
        front.ended(2 if len(front.calls()) > 1 else 1)
        for sender in senders:
            sender.join()
        send(front, call, "last")
        while reader.until("call_ended")[-1]["call"].rpartition("-")[2] != "last":
            pass
        turns = [(told["call"], told.get("server"), told["turn"]) for kind, told in reader.events if kind == "turn"]
    assert len(set(turns)) == len(turns)


def test_a_call_in_progress_is_in_the_present_state_of_its_server_and_of_its_peer(pair, call):
    front, other = pair
    with Reader(front) as reader, Reader(other) as own, connected(other, "busy") as socket:
        for number in range(300):
            socket.send(call.pcm(number))
        (started,) = reader.until("call_started")
        for each in (reader, own):
            while not (now := each.until("now")[-1])["calls"]:
                pass
            assert [line["call"] for line in now["calls"]] == [started["call"]]
            assert now["unreachable"] == []
            assert {"level_dbfs", "since_s", "words", "emotion", "p_angry"} <= now["calls"][0]["channels"][0].keys()
        for served in pair:
            assert served.ask(f"/calls/{started['call']}/report?token=secret")[0] == 409
            assert [each["ended_at"] for each in served.calls()] == [None]


def test_a_peer_that_is_lost_and_found_again(serving, call):
    other = serving("other", token="secret")
    front = serving("front", token="secret", peers=[other.url])
    send(other, call, "foreign")
    send(front, call, "own")
    wait_until(lambda: len(front.calls()) == 2, 60)
    front.ended(2)
    other.stop()
    wait_until(lambda: not front.peers[0].reachable)
    assert names(front) == ["own"]
    with Reader(front) as reader:
        assert reader.until("now")[-1]["unreachable"] == [other.url]
    assert len([sentence for sentence in front.said if other.url in sentence]) == 1

    again = serving("other", token="secret", port=other.port)
    wait_until(lambda: names(front) == ["foreign", "own"])
    send(again, call, "later")
    wait_until(lambda: names(front) == ["foreign", "later", "own"])


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [(200, b"[1, 2]", ""), (200, b"<html>", ""), (302, b"", "302"), (500, b"", "500"), (401, b"", "another token")],
)
def test_another_program_is_no_peer(serving, receiver, status, body, why):
    receiver.answers, receiver.body = [status] * 100, body
    front = serving(token="secret", peers=[receiver.url])
    wait_until(lambda: any(receiver.url in sentence and why in sentence for sentence in front.said))
    assert front.calls() == []
    assert not front.peers[0].reachable


@pytest.mark.parametrize(
    "address",
    ["10.0.0.2:8765", "file:///etc/passwd", "http://", "http://10.0.0.2:99999", "http://a b", "http://a/?token=x"],
)
def test_an_address_that_is_none(address):
    from monitor.serve.events import EventLog
    from monitor.serve.peers import Peer

    with pytest.raises(UsageError):
        Peer(address, None, EventLog(), print)
