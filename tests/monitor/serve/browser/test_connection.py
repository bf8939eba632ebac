"""The page and its server: what is missed while it is away, and what either may do to the other."""

import pytest
from browsing import NASTY, require_closed
from playwright.sync_api import expect

from monitor.roles import Role

pytestmark = pytest.mark.slow


def test_the_page_says_that_it_is_offline_and_learns_what_it_missed(visit, server):
    opened = visit()
    server.begin("call")
    server.turn("call", 0.0, 4.0, "neutral", "good morning")
    expect(opened.lane("call").locator(".words")).to_have_text("customer: good morning")
    status = opened.page.locator("#connection")
    expect(status).to_be_empty()
    server.close()
    expect(status).to_contain_text("Offline since")
    server.turn("call", 5.0, 8.0, "angry", "are you there")
    server.alert("call")
    server.begin("new")
    server.open(server.port)
    expect(status).to_be_empty(timeout=20_000)
    expect(opened.lane("call").locator(".words")).to_have_text("customer: are you there")
    expect(opened.page.get_by_role("heading", name="1 alert")).to_be_visible()
    assert set(opened.names()) == {"call", "new"}
    opened.complaints.clear()  # the browser tells of the address that did not answer


def test_calls_are_learned_anew_where_a_peer_is_lost_or_the_server_knows_none(visit, server):
    opened = visit()
    server.begin("own")
    server.begin("foreign")
    status, names = opened.page.locator("#connection"), opened.page.locator("#lines .name")
    expect(names).to_have_count(2)
    foreign = server.lines._calls.pop("foreign")
    server.now(unreachable=["http://10.0.0.2:8765"])
    expect(status).to_contain_text("http://10.0.0.2:8765")
    expect(names).to_have_text(["own"])
    server.lines._calls["foreign"] = foreign
    server.now(("own", 2.0, None, None))
    expect(status).to_be_empty()
    expect(names).to_have_count(2)
    server.lines._calls.clear()
    server.begin("after")
    server.log.add("reset", {})
    expect(names).to_have_text(["after"])


def test_what_is_said_stays_text_and_the_page_may_load_and_run_nothing_else(visit, server):
    opened = visit()
    channels = [Role(f"<b>{text}") for text in NASTY]
    for place, text in enumerate(NASTY):
        server.begin(text, channels=channels, source=text)
        for channel in range(1, len(NASTY) + 1):
            server.turn(text, 5.0 * channel, 5.0 * channel + 4, "sad", NASTY[channel - 1], channel=channel)
        server.alert(text, rule=NASTY[-place - 1])
        server.now((text, 30.0, text, "sad"))
    expect(opened.page.locator("#alert-list li")).to_have_count(len(NASTY))
    opened.page.locator("#lines .lane").first.click()
    expect(opened.page.locator("#transcript .words")).to_have_text(NASTY)
    assert sorted(opened.names()) == sorted(NASTY)
    server.end(NASTY[0])
    expect(opened.page.locator("#ended .open")).to_have_text(NASTY[0])
    assert opened.page.locator("b:not(.chip), img, svg:not(.stroke), script[src]").count() == 0
    assert opened.page.evaluate("window.hacked") is None
    require_closed(opened)


def test_a_token_goes_with_everything_that_the_page_asks(browser, server):
    server.close()
    server.open(token="a&b")
    server.begin("call")
    page = browser.new_page()
    page.goto(f"{server.url}?token=a%26b")
    expect(page.locator("#count")).to_have_text("1 line in progress")
    page.locator("#lines .lane").click()
    expect(page.locator("#call")).to_be_focused()
    page.close()
