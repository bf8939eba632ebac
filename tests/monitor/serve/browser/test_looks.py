"""How the page looks in light and dark, on a telephone and on a wide screen."""

import pytest
from browsing import pale_texts
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.fixture
def busy(visit, server):
    """A page with lines, alerts, an ended call and an open one."""

    def make(**options):
        for call in ("20261129-101210-CA8c1086b7265a-with-a-long-name", "quiet", "ended"):
            server.begin(call, source="audiosocket")
            for turn, emotion in enumerate(["neutral", "angry", "happy", "sad", None]):
                server.turn(call, 5.0 * turn, 5.0 * turn + 4, emotion, "something that was said " * 6)
            server.alert(call)
        server.end("ended")
        opened = visit(**options)
        expect(opened.page.locator("#alert-list li")).to_have_count(3)
        server.now(("quiet", 30.0, "words that come " * 12, "angry"))
        opened.page.locator("#lines .lane").first.click()
        expect(opened.page.locator("#call .turn")).to_have_count(5)
        return opened

    return make


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(busy, scheme):
    opened = busy(color_scheme=scheme)
    assert pale_texts(opened.page) == []


@pytest.mark.parametrize("width", [360, 800, 1900])
def test_no_width_needs_sideways_scrolling(busy, width):
    opened = busy(viewport={"width": width, "height": 740})
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    opened.page.get_by_role("button", name="Close").click()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("late", [False, True])
def test_the_alerts_hide_nothing_of_an_open_call(visit, server, width, late):
    server.begin("call")
    for turn in range(20):
        server.turn("call", 5.0 * turn, 5.0 * turn + 4, "angry", "something that was said")
    if not late:
        server.alert("call")
    opened = visit(viewport={"width": width, "height": 900})
    opened.page.locator("#lines .lane").click()
    expect(opened.page.locator("#call .turn")).to_have_count(20)
    if late:
        server.alert("call")
    expect(opened.page.locator("#alert-list li")).to_have_count(1)
    opened.until("getComputedStyle(document.documentElement).getPropertyValue('--alerts') !== '0px'")
    bottom = opened.page.locator("#alerts").evaluate("bar => bar.getBoundingClientRect().bottom")
    assert opened.page.locator("#call-title").evaluate("title => title.getBoundingClientRect().top") >= bottom
