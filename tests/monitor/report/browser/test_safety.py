"""What is said in a call stays text in the browser, and the page loads and runs nothing else."""

from browsing import NASTY, require_closed


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
