"""Finding turns in the browser: search, filters and zoom."""

import pytest


def test_search_finds_words_whatever_their_case_and_accents(visit, rows):
    opened = visit(rows)
    opened.page.locator("#search").fill("CAFE")
    assert opened.shown() == ["0:18"]
    assert opened.page.locator("#found").inner_text() == "1 of 5 turns"
    opened.page.locator("#search").fill("xyz")
    assert opened.shown() == []
    assert opened.page.locator("#nothing").is_visible()
    opened.page.locator("#reset").click()
    opened.until("document.querySelectorAll('.turn:not([hidden])').length === 5")
    assert opened.page.locator("#search").input_value() == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("calls", ["calls"]), ("CAFE", ["café"]), ("nobody calls back", ["nobody calls back"]), ("o", ["o"] * 7)],
)
def test_found_words_are_marked_as_search_compares_them(visit, rows, text, expected):
    opened = visit(rows)
    assert opened.page.locator("#turn-2 u").inner_text() == "calls"
    opened.page.locator("#search").fill(text)
    assert opened.page.evaluate("[...CSS.highlights.get('found')].map(String)") == expected


def test_filters_leave_speakers_emotions_and_confident_turns(visit, rows):
    opened = visit(rows)
    opened.page.locator("#speaker").select_option(label="customer")
    assert opened.shown() == ["0:00", "0:10", "0:18"]
    opened.page.locator("[data-emotion=angry]").click()
    opened.page.locator("[data-emotion=sad]").click()
    assert opened.shown() == ["0:10", "0:18"]
    assert opened.page.locator("[data-emotion=sad]").get_attribute("aria-pressed") == "true"
    opened.page.locator("#confidence").fill("50")
    assert opened.shown() == ["0:10"]
    off = opened.page.locator(".block.off").evaluate_all("all => all.map(each => Number(each.dataset.place))")
    assert sorted(off) == [0, 1, 3, 4]
    opened.page.keyboard.press("Escape")
    opened.page.evaluate("document.activeElement.blur()")
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.evaluate("document.activeElement.closest('.turn').id") == "turn-2"


def test_zoom_shows_less_and_the_view_follows_the_playhead(visit, rows):
    opened = visit(rows)
    before = opened.page.locator('.block[data-place="2"]').bounding_box()["width"]
    opened.page.locator("#turn-2").click()
    opened.page.locator("#zoom-in").click()
    assert opened.page.locator('.block[data-place="2"]').bounding_box()["width"] == pytest.approx(2 * before, rel=0.02)
    opened.page.locator("#turn-4").click()
    opened.page.keyboard.press("+")
    box = opened.page.locator('.block[data-place="4"]').bounding_box()
    assert 0 < box["x"] < 1200
    opened.page.keyboard.press("0")
    assert opened.page.evaluate("state.view") == {"from": 0, "to": 24}


def test_five_hundred_turns_are_there_at_once(visit, row, agent):
    rows = [
        (row if n % 2 else agent)(n, 14.0 * n, 14.0 * n + 8, *(["sad"] if n % 2 else []), f"word{n} and more")
        for n in range(1, 521)
    ]
    opened = visit(rows)
    first_paint = "performance.getEntriesByName('first-contentful-paint')[0]"
    opened.until(first_paint)  # the entry comes a moment after the page has loaded
    assert opened.page.evaluate(f"{first_paint}.startTime") < 5_000
    assert opened.page.locator(".block").count() == 520
    assert opened.page.locator(".smoothed").all_inner_texts() == ["mean of 2:25 min"]
    took = opened.page.evaluate(
        """() => {
            const begun = performance.now();
            byId("search").value = "word519";
            filter();
            return performance.now() - begun;
        }"""
    )
    assert opened.shown() == ["2:01:06"]
    assert took < 1_000
