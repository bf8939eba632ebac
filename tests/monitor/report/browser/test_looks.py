"""How the page looks in the browser; what is said stays text, and the page loads and runs nothing else."""

import pytest
from browsing import NASTY, pale_texts, require_closed

from monitor.timeline.notes import Mark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(visit, rows, sound, scheme, alert_note):
    notes = [Mark(1, 12.0), alert_note(time_s=14.0, turn=3)]
    opened = visit(rows, notes, sound, color_scheme=scheme)
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; }); moveTo(11)")
    opened.page.wait_for_timeout(300)
    assert pale_texts(opened.page) == []
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 24)"}[scheme]


def test_a_telephones_screen_needs_no_sideways_scrolling(visit, rows, sound):
    opened = visit(rows, (), sound, viewport={"width": 360, "height": 740})
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    too_wide = "all => all.filter(each => each.getBoundingClientRect().right > 361).map(each => each.outerHTML)"
    assert opened.page.locator("h1, p, button, input, select, td, th, .plot, .turn").evaluate_all(too_wide) == []
    opened.page.locator("#turn-2").click()
    opened.until("audio.currentTime > 10")


def test_what_is_said_and_who_says_it_stays_text(visit, row, alert_note):
    rows = [
        row(place, 2.0 * place, 2.0 * place + 1, "angry", text, speaker=f"<b>{text}", channel=place, words=None)
        for place, text in enumerate(NASTY, start=1)
    ]
    opened = visit(rows, [alert_note(rule=NASTY[0], speaker=NASTY[1])])
    opened.page.locator("#turn-1").click()
    opened.page.locator("#search").fill("<script>")
    assert opened.shown() == ["0:02"]
    opened.page.locator("#search").fill("")
    assert opened.page.locator(".words").all_inner_texts() == NASTY
    assert opened.page.locator(".turn .who").all_inner_texts() == [f"<b>{text}" for text in NASTY]
    assert opened.page.locator("b:not(.chip), img, svg:not(.stroke):not(.shares), script[src]").count() == 0
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("#turn-3 .words").evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert opened.page.locator("#turn-0 .words").evaluate("each => getComputedStyle(each).direction") == "ltr"


def test_the_page_may_not_load_or_run_anything_else(visit, rows):
    require_closed(visit(rows))
