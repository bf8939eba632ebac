"""Which calls a server lists and finds: the last ones, those with alerts, those of earlier runs, and damaged ones."""

import json
from datetime import datetime

import pytest
from sending import calling, sent
from waiting import wait_until
from websockets.sync.client import connect

from monitor.exporters.jsonl import turn_object

pytestmark = pytest.mark.slow


@pytest.fixture
def few_remembered(monkeypatch):
    """Two calls that have ended are listed, and of four those with alerts."""
    for module in ("calls", "lines"):
        monkeypatch.setattr(f"monitor.serve.{module}.REMEMBERED", 2)
        monkeypatch.setattr(f"monitor.serve.{module}.WAITING", 4)


@pytest.fixture
def pass_by(asynchronous, call):
    """Have calls without a turn pass by."""

    def go(served, *names):
        for name in names:
            before = len([*served.folder.glob("*.csv")]), len(served.lines.lines)
            asynchronous(sent(calling(served, "pcm", name), call, 5))
            wait_until(
                lambda: (len([*served.folder.glob("*.csv")]), len(served.lines.lines)) == (before[0] + 1, before[1])  # noqa: B023
            )

    return go


def short_names(served):
    return [one["call"].rpartition("-")[2] for one in served.calls()]


@pytest.mark.usefixtures("few_remembered")
def test_the_last_calls_that_have_ended_are_listed(serving, call, pass_by):
    served = serving()
    with connect(f"{served.ws}/media/pcm?rate=8000&channels=2&call=long") as long:
        long.send(call.pcm(0))
        wait_until(served.calls)
        pass_by(served, "0", "1", "2", "3")
        assert short_names(served) == ["long", "2", "3"]
    wait_until(lambda: not served.lines.lines)
    pass_by(served, "4")
    assert short_names(served) == ["long", "4"], "the last to end, not to begin"
    (first,) = served.folder.glob("*-0.jsonl")
    assert json.loads(served.ask(f"/calls/{first.stem}")[2])["reason"] == "earlier", "its file still is there"
    for other in ("20261130-100000-none", "x", "..%2Ftimelines%2F" + first.stem):
        assert served.ask(f"/calls/{other}")[0] == 404


@pytest.mark.usefixtures("few_remembered")
def test_a_call_with_an_alert_is_listed_until_somebody_has_seen_to_it(serving, asynchronous, call, pass_by):
    served = serving(rules=["neutral>=0"])
    asynchronous(sent(calling(served, "pcm", "alert"), call))
    (alerted,) = served.ended()
    pass_by(served, "0", "1")
    assert short_names(served) == ["alert", "0", "1"]
    pass_by(served, "2")
    assert short_names(served) == ["alert", "1", "2"]

    again = serving()
    (found, *_) = again.calls()
    same = ("call", "alerts", "unacknowledged")
    assert {name: found[name] for name in same} == {name: alerted[name] for name in same}
    ended_at = found["ended_at"]
    for number in range(1, found["alerts"] + 1):
        assert again.ask(f"/calls/{found['call']}/alerts/{number}/acknowledge", "POST")[0] == 204
    pass_by(again, "3")
    assert short_names(again) == ["2", "3"]
    assert json.loads(again.ask(f"/calls/{found['call']}")[2])["ended_at"] == ended_at


@pytest.mark.parametrize(
    "damaged",
    [
        b"[" * 100_000,
        b'{"type": "acknowledged", "alert": "x"}',
        {"end_s": "late"},
        {"end_s": 1e999},
        {"further": float("nan")},
        {"channel": 1_000_000_000},
    ],
)
def test_a_damaged_file_of_a_call_is_left_out(serving, tmp_path, row, damaged):
    whole = turn_object(row(0.0, 4.0, 1, "neutral", "good morning"))
    line = damaged if isinstance(damaged, bytes) else json.dumps({**whole, **damaged}).encode()
    folder = tmp_path / "timelines"
    folder.mkdir()
    (folder / "20261130-100000-damaged.jsonl").write_bytes(line + b"\n")
    (folder / "20261130-100000-whole.jsonl").write_text(json.dumps(whole) + '\n{"recording": "half a l')

    served = serving()
    assert [call["call"] for call in served.calls()] == ["20261130-100000-whole"]
    assert ["20261130-100000-damaged" in sentence for sentence in served.said] == [True]
    assert json.loads(served.ask("/calls/20261130-100000-whole")[2])["turns"] == [whole]
    (folder / "20261130-100000-whole.jsonl").write_bytes(line + b"\n")
    assert served.ask("/calls/20261130-100000-whole")[0] == 500
    assert len(served.said) == 1


def test_an_earlier_call_keeps_its_offset_from_utc(serving, tmp_path, row):
    folder = tmp_path / "timelines"
    folder.mkdir()
    turn = turn_object(row(5.0, 9.0, 1, "neutral", "good morning")) | {"started_at": "2026-10-25T02:10:05.000+09:00"}
    (folder / "20261025-021000-x.jsonl").write_text(json.dumps(turn) + "\n")
    (call,) = serving().calls()
    assert datetime.fromisoformat(call["started_at"]) == datetime.fromisoformat("2026-10-25T02:10:00+09:00")
