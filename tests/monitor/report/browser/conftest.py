"""The page in a real browser: headless Chromium opens it from disk, with no network."""

import numpy as np
import pytest
from browsing import Visit, visiting

from monitor.report.page import render
from monitor.report.sound import encode

EXPLAINED = {"salient_start_s": 12.0, "salient_end_s": 13.0}


class Report(Visit):
    """The page of a call."""

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


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page made of turns; everything it asks the network for, and every complaint, fails the test."""

    with visiting(browser, Report, "file:", "blob:", offline=True) as open_page:

        def open_report(rows, notes=(), sound=None, **options):
            path = tmp_path / "call.html"
            path.write_bytes(render(rows, notes, "call.csv", sound=sound))
            return open_page(path.as_uri(), **options)

        yield open_report


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
