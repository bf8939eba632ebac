"""Hearing a call in the browser: clicks, keys and the highlight that follows."""

import pytest


def test_a_click_on_a_turn_plays_it_and_the_highlight_follows(heard):
    heard.page.locator("#turn-2 .words").click()
    heard.until("audio.currentTime > 10.2")
    assert 10.0 <= heard.time() < 13.0
    assert heard.current() == (["turn-2"], ["turn-2"])
    assert "nobody calls back" in heard.page.locator("#current").inner_text()
    assert heard.page.locator("#playhead").evaluate("each => Number(each.style.getPropertyValue('--at'))") > 10 / 30
    heard.page.evaluate("audio.currentTime = 13.5")
    heard.until("document.querySelectorAll('.turn[aria-current]').length === 2")
    assert heard.current() == (["turn-2", "turn-3"], ["turn-2", "turn-3"])
    heard.page.evaluate("audio.currentTime = 16.9")
    heard.until("document.querySelectorAll('.turn[aria-current], .block.current').length === 0")
    heard.until("document.querySelector('.turn[aria-current]')?.id === 'turn-4'")
    assert heard.time() >= 17.9


def test_the_lanes_the_curves_and_the_slider_move_the_sound(heard):
    heard.page.locator('.block[data-place="4"]').click()
    heard.until("audio.currentTime > 18")
    heard.page.locator("#play").click()
    assert heard.page.evaluate("audio.paused")
    box = heard.page.locator("[data-curve]").bounding_box()
    heard.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    assert heard.time() == pytest.approx(15.0, abs=0.2)
    heard.page.locator("#position").fill("6")
    assert heard.time() == pytest.approx(6.0, abs=0.01)
    assert heard.current() == (["turn-1"], ["turn-1"])


def test_the_keyboard_does_all(heard):
    keys = heard.page.keyboard
    keys.press("Space")
    heard.until("audio.currentTime > 0.1")
    keys.press("Space")
    assert heard.page.evaluate("audio.paused")
    for expected in (5.0, 10.0, 13.0):
        keys.press("ArrowRight")
        assert heard.time() == pytest.approx(expected, abs=0.01)
    keys.press("ArrowUp")
    assert heard.time() == pytest.approx(10.0, abs=0.01)
    assert heard.page.evaluate("document.activeElement.closest('.turn').id") == "turn-2"
    keys.press("Space")
    heard.until("!audio.paused && audio.currentTime > 10.1")
    keys.press("Space")
    keys.press("/")
    keys.type("good/")
    assert heard.page.locator("#search").input_value() == "good/"
    keys.press("Backspace")
    keys.type(" m")
    assert heard.page.evaluate("audio.paused")
    assert heard.shown() == ["0:00"]


def test_the_tab_key_reaches_everything_once_and_shows_where_it_is(heard):
    stops = []
    for _ in range(30):
        heard.page.keyboard.press("Tab")
        stop = heard.page.evaluate(
            "(() => { const each = document.activeElement, style = getComputedStyle(each);"
            "return [each.id || each.className.toString().split(' ')[0], style.outlineStyle]; })()"
        )
        if stop[0] == "" or stop in stops[:1]:
            break
        stops.append(stop)
    names = [name for name, _ in stops]
    before = ["skip", "play", "position", "speed", "zoom-out", "block"]
    places = [names.index(name) for name in (*before, "search", "speaker", "toggle", "confidence", "time")]
    assert places == sorted(places)
    assert names.count("block") == names.count("time") == 1
    assert {outline for _, outline in stops} == {"solid"}


def test_without_sound_turns_can_be_followed_all_the_same(visit, rows):
    opened = visit(rows)
    assert opened.page.locator("audio, #play").count() == 0
    opened.page.locator("#turn-2").click()
    assert opened.current() == (["turn-2"], ["turn-2"])
    assert opened.page.locator("#now").inner_text() == "0:10"
    opened.page.keyboard.press("Space")
    opened.page.keyboard.press("ArrowLeft")
    assert opened.current() == (["turn-1"], ["turn-1"])
