"""One call on the page: its transcript and curve while it goes on."""

import pytest
from playwright.sync_api import expect

from monitor.serve.events import EventLog

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(visit, server):
    page = visit()
    server.begin("other", started_at="2026-11-29T09:00:00.000+00:00")
    server.begin("call")
    server.turn("call", 0.0, 4.0, "neutral", "good morning")
    server.turn("call", 5.0, 9.0, None, "how can I help", channel=2)
    expect(page.lane("call").locator(".words")).to_have_text("agent: how can I help")
    return page


def test_a_click_opens_the_transcript_and_it_goes_on(opened, server):
    opened.lane("call").locator(".words").click()
    panel = opened.page.get_by_role("region", name="call")
    expect(panel.locator(".turn")).to_have_count(2)
    server.now(("call", 12.0, "nobody calls", None))
    expect(panel.locator("#speaking")).to_have_text("customer: nobody calls")
    server.turn("call", 10.0, 14.0, "angry", "nobody calls back")
    server.alert("call")
    expect(panel.locator(".turn")).to_have_count(3)
    log = opened.page.get_by_role("log", name="Transcript")
    assert log.locator(".words").all_inner_texts() == ["good morning", "how can I help", "nobody calls back"]
    assert panel.locator(".feeling").all_inner_texts() == ["N neutral 70%", "not scored", "A angry 70%"]
    expect(panel.get_by_role("list", name="Alerts of this call")).to_contain_text("angry>0.6 for 2 turns")
    panel.get_by_role("button", name="Acknowledge call").click()
    expect(panel.get_by_role("list", name="Alerts of this call")).to_contain_text("acknowledged")
    server.turn("call", 1.0, 15.0, "sad", "a long one that began before", channel=1)
    expect(panel.locator(".turn").nth(1)).to_contain_text("a long one")
    server.end("call")
    expect(panel.get_by_role("link", name="Report")).to_be_visible()
    expect(panel).to_contain_text("ended at")


def test_an_open_call_whose_end_the_page_missed_gets_its_last_turns(opened, server):
    opened.lane("call").click()
    server.now(("call", 12.0, "nobody calls", None))
    expect(opened.page.locator("#speaking")).to_have_text("customer: nobody calls")
    followed, server.log = server.log, EventLog()  # which nobody follows
    server.turn("call", 10.0, 14.0, "angry", "nobody calls back")
    server.end("call")
    followed.add("reset", {})
    expect(opened.page.locator("#call .turn")).to_have_count(3)
    expect(opened.page.locator("#call-facts")).to_contain_text("ended at")
    expect(opened.page.locator("#speaking")).to_be_empty()


GREY_IS_DRAWN = """(() => {
  const canvas = document.querySelector("#curves canvas");
  const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  for (let at = 0; at < dots.length; at += 4) if (dots.slice(at, at + 3).join() === "118,118,118") return true;
  return false;
})()"""


def test_an_open_call_has_the_curve_of_its_scored_channel_also_after_a_reload(opened):
    opened.lane("call").click()
    for _ in range(2):
        expect(opened.page.locator("#call .turn")).to_have_count(2)
        plot = opened.page.get_by_role("img", name="Probability of each emotion over time, customer")
        expect(plot).to_be_visible()
        expect(opened.page.locator("#curves canvas")).to_have_count(1)
        opened.until(GREY_IS_DRAWN)
        opened.page.reload()


def test_the_keyboard_opens_closes_and_goes_from_lane_to_lane(opened):
    page, keys = opened.page, opened.page.keyboard
    stops = []
    for _ in range(6):
        keys.press("Tab")
        stops.append(opened.focused())
    assert stops[1:4] == ["order", "microphone", "call, customer neutral 70%, agent not scored"]
    page.get_by_role("button", name="call, customer").focus()
    keys.press("ArrowDown")
    assert opened.focused() == "other, customer, agent not scored"
    keys.press("ArrowUp")
    keys.press("Enter")
    expect(page.get_by_role("region", name="call")).to_be_visible()
    expect(page.locator("#call")).to_be_focused()
    assert page.get_by_role("button", name="call, customer").get_attribute("aria-expanded") == "true"
    keys.press("Escape")
    expect(page.locator("#call")).to_be_hidden()
    assert opened.focused() == "call, customer neutral 70%, agent not scored"


def test_the_transcript_follows_unless_somebody_reads_further_up(opened, server):
    opened.lane("call").click()
    end = "transcript => transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight"
    transcript = opened.page.locator("#transcript")
    for turn in range(2, 30):
        server.turn("call", 5.0 * turn, 5.0 * turn + 3, "sad", f"turn {turn}")
    server.alert("call")  # its bar makes the transcript shorter
    server.turn("call", 200.0, 203.0, "sad", "the end")
    expect(transcript.locator(".turn")).to_have_count(31)
    assert transcript.evaluate(end) < 2
    transcript.evaluate("transcript => { transcript.scrollTop = 0; }")
    opened.page.wait_for_timeout(100)
    server.turn("call", 205.0, 208.0, "sad", "more")
    expect(transcript.locator(".turn")).to_have_count(32)
    assert transcript.evaluate("transcript => transcript.scrollTop") == 0
