"""How the page looks in the browser: curves, contrast, a telephone's screen."""

import pytest
from browsing import pale_texts

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
