"""The overview page: its metrics, its links, and that nothing in it can become anything else."""

import html
import json
import re
from datetime import date

import pytest
from browsing import Visit, visiting

from monitor.archive.overview import make_overview, render_overview
from monitor.cli import main

EVIL = '2026-10-05 <script>alert("1")</script>&\'.wav'
SCHEME = "javascript:alert(1).wav"


@pytest.fixture
def archived(archive_of, scored):
    """Make an archive of calls: a name, and for each turn its start, end and emotion."""
    return lambda calls: archive_of(*(scored(name, *spoken) for name, spoken in calls.items()))


@pytest.fixture
def root(archived):
    return archived(
        {
            "2026-10-05/a.wav": [(0.0, 30.0, "angry"), (40.0, 50.0, "sad")],
            "2026-10-05/b.wav": [(0.0, 20.0, "neutral")],
            "2026-10-07.wav": [(0.0, 4.0, "angry"), (90.0, 100.0, "happy")],
            "undated.wav": [],
        }
    )


def test_totals_days_and_rankings(root):
    overview = make_overview(root, root)

    assert (len(overview["calls"]), overview["duration_s"], overview["undated"]) == (4, 400.0, 1)
    expected = {"angry": 34 / 74, "happy": 10 / 74, "neutral": 20 / 74, "sad": 10 / 74}
    assert overview["whole"]["shares"] == pytest.approx(expected)
    days = {period["name"]: (period["calls"], period["scored_s"]) for period in overview["periods"]}
    assert days == {"2026-09-21": (1, 0.0), "2026-10-05": (2, 60.0), "2026-10-07": (1, 14.0)}
    angry, silent, interrupted = (ranking["places"] for ranking in overview["rankings"])
    assert [(place["call"]["recording"], place["what"], place["value"]) for place in angry] == [
        ("2026-10-05/a.wav", "customer", 30.0),
        ("2026-10-07.wav", "customer", 4.0),
    ]
    assert [place["value"] for place in silent] == [100.0, 86.0, 80.0, 50.0]
    assert interrupted == []


def test_many_days_become_months(archived):
    root = archived({f"{date(2026, 1 + number, 3)}.wav": [] for number in range(4)})

    months = ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert [period["name"] for period in make_overview(root, root)["periods"]] == months


def test_links_lead_from_the_page_to_timelines_and_reports(root, tmp_path):
    (root / "2026-10-07.wav.html").touch()

    there = {call["recording"]: (call["timeline"], call["report"]) for call in make_overview(root, root)["calls"]}
    assert there["2026-10-07.wav"] == ("./2026-10-07.wav.csv", "./2026-10-07.wav.html")
    assert there["2026-10-05/a.wav"] == ("./2026-10-05/a.wav.csv", None)
    elsewhere = make_overview(root, tmp_path / "pages")["calls"][0]
    assert elsewhere["timeline"] == "../timelines/2026-10-05/a.wav.csv"


def test_names_are_data(archived):
    root = archived({EVIL: [(0.0, 30.0, "angry")], SCHEME: [(0.0, 5.0, "angry")]})
    (root / "failures.csv").write_text('recording,reason\n<img src=x>,"</script><script>alert(1)</script>"\n')

    page = render_overview(make_overview(root, root)).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])

    assert page.count("<script") == 3 and page.count("</script>") == 3
    assert "<img" not in page
    assert re.fullmatch(
        r"default-src 'none'; script-src( 'sha256-[^']+'){2}; style-src( 'sha256-[^']+'){2}; "
        r"base-uri 'none'; form-action 'none'",
        policy,
    )
    assert all(address.startswith(("#", "./")) for address in re.findall(r'href="([^"]*)"', page))
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])
    assert {call["recording"] for call in data} == {EVIL, SCHEME}
    assert all(re.fullmatch(r"\./[\w~%./-]+\.csv", call["timeline"]) for call in data)


def test_the_command_writes_it_into_an_archive_and_never_over_its_settings(root, tmp_path, capsys):
    settings = root / "archive.json"
    before = settings.read_text()
    for arguments, code, told in (
        ([root], 0, "overview.html"),
        ([root, "-o", settings], 2, "is the archive's settings itself; give another file"),
        ([tmp_path], 1, "is not an archive"),
    ):
        assert main(["archive-report", *map(str, arguments)]) == code
        assert told in capsys.readouterr().err

    assert b'<h1 dir="auto">timelines</h1>' in (root / "overview.html").read_bytes()
    assert settings.read_text() == before


@pytest.fixture
def page(archived, browser):
    """The page of three calls in a browser; whatever it asks the network for, and every complaint, fails the test."""
    root = archived(
        {
            EVIL: [(0.0, 30.0, "angry")],
            "2026-10-06/call-2.wav": [(0.0, 40.0, "happy")],
            "2026-10-07/call-10.wav": [(0.0, 10.0, "angry"), (20.0, 90.0, "sad")],
        }
    )
    path = root / "overview.html"
    path.write_bytes(render_overview(make_overview(root, root)))
    with visiting(browser, Visit, path.as_uri(), offline=True) as open_page:
        yield open_page(path.as_uri()).page


def names(page):
    return page.locator("#table tbody th").all_inner_texts()


def test_calls_are_sorted_searched_and_filtered_and_fit_a_small_screen(page):
    assert names(page) == [EVIL, "2026-10-07/call-10.wav", "2026-10-06/call-2.wav"]  # the angriest first

    page.get_by_role("button", name="date").click()
    assert names(page) == [EVIL, "2026-10-06/call-2.wav", "2026-10-07/call-10.wav"]
    page.get_by_role("button", name="date").click()
    assert names(page) == ["2026-10-07/call-10.wav", "2026-10-06/call-2.wav", EVIL]

    page.get_by_label("Name").fill("CALL-")
    assert names(page) == ["2026-10-07/call-10.wav", "2026-10-06/call-2.wav"]
    assert page.locator("#count").inner_text() == "2 of 3 calls"
    page.get_by_label("With").select_option("sad")
    assert names(page) == ["2026-10-07/call-10.wav"]
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("From").fill("2026-10-06")
    page.get_by_label("to", exact=True).fill("2026-10-06")
    assert names(page) == ["2026-10-06/call-2.wav"]

    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
