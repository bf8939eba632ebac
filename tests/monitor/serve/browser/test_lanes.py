"""Lines in progress as the page shows them: lanes, their order, words, ended calls, and how much work that is."""

import random
import threading

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

ANGRY = "213,94,0,255"
COLOURS = """strip => {
  const dots = strip.getContext("2d").getImageData(0, 0, strip.width, strip.height).data;
  const seen = new Set();
  for (let at = 0; at < dots.length; at += 4) seen.add(dots.slice(at, at + 4).join());
  return [...seen];
}"""


def colours(opened, call, channel=0):
    return set(opened.lane(call).locator(".strip").nth(channel).evaluate(COLOURS))


def test_a_line_that_begins_has_a_lane_that_grows_with_words_and_estimates(visit, server):
    opened = visit()
    expect(opened.page.get_by_text("No line is in progress")).to_be_visible()
    server.begin("first")
    server.begin("second", started_at="2026-11-29T10:01:00.000+00:00")
    expect(opened.page.locator("#count")).to_have_text("2 lines in progress")
    assert opened.names() == ["second", "first"]
    lane = opened.lane("first")
    server.now(("first", 12.5, "where is my", "sad"))
    expect(lane.locator(".words")).to_have_text("customer: where is my")
    expect(lane.locator(".channel").first).to_have_class("channel speaking")
    expect(lane.locator(".time")).to_have_text("0:12")
    expect(lane.locator(".feeling").first).to_have_text("S70%")
    server.now(("first", 14.0, None, None))
    expect(lane.locator(".channel").first).to_have_class("channel")
    server.turn("first", 0.0, 8.0, "angry", "nobody calls back")
    server.turn("first", 8.5, 12.0, None, "I am sorry", channel=2)
    expect(lane.locator(".words")).to_have_text("agent: I am sorry")
    expect(lane.locator(".feeling").first).to_have_text("A70%")
    assert ANGRY in colours(opened, "first")
    assert ANGRY not in colours(opened, "first", channel=1)
    assert ANGRY not in colours(opened, "second")
    name = "first, customer angry 70%, agent not scored"
    expect(opened.page.get_by_role("list", name="Lines in progress").get_by_role("button", name=name)).to_be_visible()


def test_the_angriest_lines_come_first_where_that_is_asked_for_and_those_with_alerts_before_them(visit, server):
    opened = visit()
    for place, emotions in enumerate([("sad", "sad"), ("angry", "angry"), ("angry", "neutral"), ("neutral", "sad")]):
        server.begin(f"call {place}", started_at=f"2026-11-29T10:0{place}:00.000+00:00")
        for turn, emotion in enumerate(emotions):
            server.turn(f"call {place}", 5.0 * turn, 5.0 * turn + 4, emotion, "words")
    server.alert("call 0", "sad>0.5")
    expect(
        opened.page.get_by_role("button", name="call 0, customer sad 70%, agent not scored, 1 alert")
    ).to_be_visible()
    names = opened.page.locator("#lines .lane .name")
    expect(names).to_have_text(["call 3", "call 2", "call 1", "call 0"])
    opened.page.get_by_label("Order").select_option("angriest first")
    expect(names).to_have_text(["call 0", "call 1", "call 2", "call 3"])


def test_a_call_that_ends_goes_below_and_what_was_before_the_page_was_opened_is_there(visit, server):
    server.begin("call")
    server.turn("call", 0.0, 8.0, "angry", "nobody calls back")
    server.alert("call")
    server.begin("earlier")
    server.end("earlier")
    opened = visit()
    expect(opened.lane("call").locator(".words")).to_have_text("customer: nobody calls back")
    expect(opened.page.get_by_role("heading", name="1 alert")).to_be_visible()
    expect(opened.page.get_by_role("link", name="Report of earlier")).to_be_visible()
    assert ANGRY in colours(opened, "call")
    server.begin("one/../call")
    server.turn("one/../call", 1.0, 3.0, "sad", "goodbye")
    server.end("one/../call")
    ended = opened.page.get_by_role("list", name="Ended")
    link = ended.get_by_role("link", name="Report of one/../call")
    expect(ended.get_by_role("listitem").first).to_contain_text("1 turn")
    assert link.get_attribute("href") == f"{server.url}calls/one%2F..%2Fcall/report"
    assert opened.names() == ["call"]


def test_an_ended_call_is_as_long_and_has_as_many_turns_as_the_server_says(visit, server):
    opened = visit()
    server.begin("call")
    server.turn("call", 0.0, 3.0, "sad", "goodbye")
    expect(opened.lane("call").locator(".words")).to_have_text("customer: goodbye")
    call = server.lines.find("call")
    call.position_s, call.turns = 4.0, 2
    server.end("call")
    expect(opened.page.locator("#ended .facts")).to_contain_text("0:04 · 2 turns")


def test_ended_calls_are_listed_the_last_one_first_also_after_a_reload(visit, server):
    opened = visit()
    for minute, call in enumerate("abcdef"):
        server.begin(call)
        server.end(call, ended_at=f"2026-11-29T10:0{minute}:00.000+00:00")
        expect(opened.page.locator("#ended .open")).to_contain_text([call])
    for _ in range(2):
        expect(opened.page.locator("#ended .open")).to_have_text(list("fedcba"))
        opened.page.reload()


def test_calls_of_servers_with_different_utc_offsets_are_in_the_order_of_time(visit, server):
    opened = visit()
    earlier, later = "2026-11-29T16:48:00.000+00:00", "2026-11-29T11:50:07.000-05:00"
    server.begin("later", started_at=later)
    server.begin("earlier", started_at=earlier)
    expect(opened.page.locator("#lines .name")).to_have_text(["later", "earlier"])
    server.end("later", ended_at=later)
    for place in range(100):
        server.begin(f"call {place}", started_at=earlier)
        server.end(f"call {place}", ended_at=earlier)
    server.begin("last")
    expect(opened.page.locator("#lines .name")).to_contain_text(["last"])
    expect(opened.page.locator("#ended .open")).to_have_count(100)
    expect(opened.page.locator("#ended .open").first).to_have_text("later")


def test_a_hundred_lines_cost_less_than_half_a_core(visit, server):
    draw = random.Random(1)
    calls = [f"call {place}" for place in range(100)]
    for call in calls:
        server.begin(call)
        for turn in range(40):
            server.turn(call, 5.0 * turn, 5.0 * turn + draw.uniform(1, 4), draw.choice(["angry", "neutral"]), "words")
    opened = visit()
    opened.until("[...calls.values()].every(call => call.turns === 40)")
    ended = threading.Event()

    def go_on():
        position_s = 200.0
        while not ended.wait(0.25):
            position_s += 0.25
            server.now(*((call, position_s, f"words at {position_s}", "neutral") for call in calls))
            server.turn(draw.choice(calls), position_s - 2, position_s, "angry", "and more")

    feeding = threading.Thread(target=go_on)
    feeding.start()
    devtools = opened.page.context.new_cdp_session(opened.page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # what other programs take does not count

    def worked_s():
        metrics = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"]

    opened.page.get_by_label("Order").select_option("angriest first")
    before_s = worked_s()
    opened.page.wait_for_timeout(5_000)
    worked = worked_s() - before_s
    ended.set()
    feeding.join()
    assert worked < 2.5
    assert opened.page.locator("*").count() < 6_000
