"""Alerts on the page: nobody can overlook them, and everybody can acknowledge them."""

import pytest
from playwright.sync_api import expect

from monitor.serve.events import EventLog

pytestmark = pytest.mark.slow


@pytest.fixture
def alerted(visit, server):
    opened = visit()
    for call in ("one", "two"):
        server.begin(call)
        server.turn(call, 0.0, 4.0, "angry", "again and again")
        server.alert(call)
    expect(opened.page.get_by_role("heading", name="2 alerts")).to_be_visible()
    return opened


def test_an_alert_is_seen_and_read_out_and_goes_away_for_everybody_once_acknowledged(alerted, server, visit):
    page, other = alerted.page, visit()
    alarm = page.get_by_role("alert")
    expect(alarm).to_have_text("Alert: two, customer, angry>0.6 for 2 turns")
    assert alarm.get_attribute("aria-live") == "assertive"
    expect(page.get_by_role("region", name="2 alerts").get_by_role("listitem")).to_have_count(2)
    expect(alerted.lane("one").locator(".badge")).to_have_text("▲ alert")
    assert page.title().startswith("▲ 2")
    page.evaluate("scrollTo(0, 10000)")
    assert page.locator("#alerts").evaluate("bar => bar.getBoundingClientRect().top") >= 0
    page.get_by_role("button", name="Acknowledge one, customer, angry>0.6 for 2 turns").click()
    for opened in (alerted, other):
        expect(opened.page.get_by_role("heading", name="1 alert")).to_be_visible()
        expect(opened.lane("one").locator(".badge")).to_be_hidden()
    assert server.acknowledged == [("one", 1)]
    page.reload()
    expect(page.get_by_role("heading", name="1 alert")).to_be_visible()


def test_an_alert_of_a_call_that_ended_long_ago_is_there_when_a_page_is_opened(server, visit):
    server.begin("first")
    server.turn("first", 0.0, 4.0, "angry", "again and again")
    server.alert("first")
    server.end("first", ended_at="2026-11-29T10:04:00.000+00:00")
    for place in range(100):
        server.begin(f"later {place}")
        server.end(f"later {place}")
    page = visit().page
    expect(page.get_by_role("heading", name="1 alert")).to_be_visible()
    expect(page.locator("#ended .open")).to_have_count(101)
    page.get_by_role("button", name="Acknowledge first").click()
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page.locator("#ended .open")).to_have_count(100)


def test_an_acknowledgement_that_the_page_missed_is_learned_when_it_begins_again(alerted, server):
    server.end("one")
    for call in server.lines.calls():
        call.acknowledged.add(1)
    server.log.add("reset", {})
    expect(alerted.page.locator("#alerts")).to_be_hidden()
    expect(alerted.lane("two").locator(".badge")).to_be_hidden()


def test_an_acknowledgement_that_comes_while_a_page_loads_the_alert_holds(visit, server):
    opened, routes = visit(), []
    followed, server.log = server.log, EventLog()  # which nobody follows
    server.begin("call")
    server.turn("call", 0.0, 4.0, "angry", "again and again")
    server.alert("call")
    opened.page.route("**/calls/call", lambda route: routes.append((route, route.fetch())))
    followed.add("reset", {})
    opened.until("calls.has('call')")
    while not routes:
        opened.page.wait_for_timeout(20)
    server.lines.acknowledge(server.lines.find("call"), 1)
    server.log = followed
    server.begin("next")
    opened.until("calls.has('next')")
    route, answer = routes[0]
    route.fulfill(response=answer)
    opened.until("calls.get('call').alerts.size === 1")
    expect(opened.page.locator("#alerts")).to_be_hidden()


def test_the_keyboard_goes_to_the_alerts_and_acknowledges_one_after_the_other(alerted, server):
    keys = alerted.page.keyboard
    keys.press("a")
    assert alerted.focused().startswith("Acknowledge one")
    keys.press("Enter")
    expect(alerted.page.locator("#alert-list li")).to_have_count(1)
    assert alerted.focused().startswith("Acknowledge two")
    keys.press("Space")
    expect(alerted.page.locator("#alerts")).to_be_hidden()
    assert alerted.focused().startswith(("one, customer", "two, customer"))  # the lane that was drawn first
    assert server.acknowledged == [("one", 1), ("two", 1)]
    assert not alerted.page.title().startswith("▲")


def test_an_alert_that_the_server_does_not_take_stays_and_says_so(alerted, server):
    server.close()
    alerted.page.get_by_role("button", name="Acknowledge one").click()
    expect(alerted.page.locator("#notice")).to_contain_text("could not be acknowledged")
    expect(alerted.page.locator("#alert-list li")).to_have_count(2)
    alerted.complaints.clear()
    server.open(server.port)
