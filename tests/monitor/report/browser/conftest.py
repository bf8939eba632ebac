"""The page in a real browser: headless Chromium opens it from disk, with no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import pytest

from monitor.report.content import make_report
from monitor.report.page import render
from monitor.report.sound import encode

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOON_S = 20.0
EXPLAINED = {"salient_start_s": 12.0, "salient_end_s": 13.0}


@dataclass
class Visit:
    """An open page, and what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def time(self) -> float:
        return self.page.evaluate("audio.currentTime")

    def shown(self) -> list[str]:
        """The times of the turns in the list."""
        return self.page.locator(".turn:visible .time").all_inner_texts()

    def current(self) -> tuple[list[str], list[str]]:
        """The ids of the highlighted turns in the list, and the places of those in the lanes."""
        in_list = self.page.locator(".turn[aria-current]").evaluate_all("all => all.map(each => each.id)")
        in_lanes = self.page.locator(".block.current").evaluate_all(
            "all => all.map(each => 'turn-' + each.dataset.place)"
        )
        return in_list, in_lanes

    def until(self, condition: str) -> None:
        # Playwright's own waiting evaluates a string in the page, which the page's policy forbids.
        deadline = monotonic() + SOON_S
        while not self.page.evaluate(f"Boolean({condition})"):
            assert monotonic() < deadline, condition
            self.page.wait_for_timeout(20)


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page made of turns; everything it asks the network for, and every complaint, fails the test."""
    visits = []

    def open_page(rows, notes=(), sound=None, **options):
        path = tmp_path / "call.html"
        path.write_bytes(render(make_report(rows, notes, "call.csv", sound=sound)))
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, "offline": True, **options})
        opened = Visit(context.new_page())
        visits.append((context, opened))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("dialog", lambda dialog: (opened.complaints.append(dialog.message), dialog.dismiss()))
        opened.page.goto(path.as_uri())
        return opened

    yield open_page
    for context, opened in visits:
        context.close()
        assert [url for url in opened.requests if not url.startswith(("file:", "blob:"))] == []
        assert opened.complaints == []


@pytest.fixture
def rows(row, agent):
    return [
        row(1, 0.0, 4.0, "neutral", "good morning"),
        agent(2, 5.0, 9.0, "how can I help"),
        row(3, 10.0, 14.0, "angry", "nobody calls back", extra=EXPLAINED),
        agent(4, 13.0, 16.0, "I am sorry"),
        row(5, 18.0, 24.0, "sad", "never mind the café", confidence=0.4, p_sad=0.4),
    ]


@pytest.fixture(scope="session")
def sound(tmp_path_factory, write_wav):
    """Half a minute of two channels."""
    times = np.arange(30 * 8_000) / 8_000
    tones = [0.3 * np.sin(2 * np.pi * hertz * times) for hertz in (300, 500)]
    return encode(write_wav(tmp_path_factory.mktemp("sound") / "call.wav", tones, 8_000))


@pytest.fixture
def heard(visit, rows, sound):
    """A page with sound, ready to play."""
    opened = visit(rows, sound=sound)
    opened.until("audio && audio.readyState >= 3")
    return opened
