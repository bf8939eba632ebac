import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from monitor.report.content import make_report
from monitor.report.page import render
from monitor.timeline.notes import Mark
from monitor.web.page import source_hash
from stser_core.emotions import LABELS

NASTY = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=alert(1) x='",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]>",
    "&lt;b&gt; & so on",
    "a\u2028b\u2029c",
    "\u202eright to left\u202c שלום",
    "caf\udce9.wav",
]


class Page(HTMLParser):
    """The elements of a page, and the texts inside them, as a browser's parser finds them."""

    def __init__(self, content):
        super().__init__()
        self.elements = []
        self.texts = {}
        self._open = None
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self._open = (tag, dict(attributes))
        self.elements.append(self._open)

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[0], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def shape(content):
    """What a page consists of, whatever is said in it."""
    return [(tag, sorted(attributes)) for tag, attributes in Page(content).elements]


def scripts(content):
    return re.findall(r"<script>(.*?)</script>", content.decode(), re.DOTALL)


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_becomes_a_part_of_the_page(row, nasty, alert_note):
    def made(text, speaker, recording, checkpoint):
        names = {"speaker": speaker, "recording": recording, "checkpoint": checkpoint, "words": None}
        alert = alert_note(rule=text, speaker=speaker)
        return render(make_report([row(1, 0.0, 2.0, "angry", text, **names)], [alert], "x"))

    page = made(nasty, nasty, nasty, nasty)
    assert shape(page) == shape(made("plain", "plain", "plain", "plain"))
    assert b"alert(1)</script>" not in page


def test_the_page_permits_its_own_scripts_and_styles_and_nothing_else(row):
    content = render(make_report([row(1, 0.0, 2.0, "sad", "hello")], (), "x"))
    (policy,) = [each["content"] for each in Page(content).all("meta") if "http-equiv" in each]
    rules = {name: values for name, *values in (rule.split() for rule in policy.split(";"))}
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["media-src"] == ["blob:"]
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() + "'"
        for each in scripts(content)
    ]
    assert rules["script-src"] == hashes
    assert len(hashes) == 10
    styles = re.findall(r"<style>(.*?)</style>", content.decode(), re.DOTALL)
    assert rules["style-src"] == [source_hash(each) for each in styles]
    assert ":root {--angry: #d55e00; --on-angry: #000000;" in styles[1]


def test_the_licence_of_what_others_made_is_in_every_page(row):
    content = render(make_report([row(1, 0.0, 2.0, "sad")], (), "x")).decode()
    licence = files("monitor.web").joinpath("vendor/uplot/LICENSE").read_text()
    assert licence in content
    assert "MIT" in licence


def test_the_page_tells_recording_length_checkpoint_and_what_may_be_concluded(row):
    content = render(make_report([row(1, 0.0, 75.0, "sad")], (), "x")).decode()
    header = re.sub(r"\s+", " ", content[content.index("<header>") : content.index("</header>")])
    assert "<title>call.wav – " in content
    assert ">call.wav<" in header
    assert "1:15 min · 1 turn · 1 speaker · checkpoint <bdi>default</bdi>" in header
    assert "not what anybody feels" in header


def test_salient_words_marks_and_alerts_stand_in_the_transcript(row, alert_note):
    explained = {"salient_start_s": 0.5, "salient_end_s": 1.5}
    notes = [Mark(1, 2.0), alert_note()]
    content = render(make_report([row(1, 0.0, 2.0, "angry", "this is not fair", extra=explained)], notes, "x")).decode()
    assert 'dir="auto">this <u>is not</u> fair</p>' in content
    assert "Alert: <bdi>angry&gt;0.4</bdi>" in content
    assert "Mark 1 at" in content
    assert '<span aria-hidden="true">▼</span> mark</li>' in content  # in the legend


def test_the_scripts_get_times_and_scores_but_no_words(row, agent):
    report = make_report([row(1, 0.0, 2.0, "angry", "secret"), agent(2, 2.5, 3.0, "hush")], (), "x")
    (block,) = re.findall(r'<script type="application/json" id="call">(.*?)</script>', render(report).decode())
    call = json.loads(block)
    assert call["labels"] == list(LABELS)
    assert call["speakers"] == ["customer", "agent"]
    assert [(turn["start"], turn["end"], turn["lane"], turn["emotion"]) for turn in call["turns"]] == [
        (0.0, 2.0, 0, "angry"),
        (2.5, 3.0, 1, None),
    ]
    assert "secret" not in block


def test_where_nobody_speaks_the_page_says_so_and_shows_marks_all_the_same():
    content = render(make_report([], [Mark(1, 60.0), Mark(2, 120.0)], "quiet.csv"))
    assert b"Nobody speaks in this timeline.</p>" in content
    assert b"quiet.csv" in content
    assert re.findall(rb"Mark (\d) at ([\d:]+)</li>", content) == [(b"1", b"1:00"), (b"2", b"2:00")]
    assert scripts(render(make_report([], (), "quiet.csv"))) == []


def test_the_page_reaches_to_the_last_mark_and_the_metrics_do_not(row):
    content = render(make_report([row(1, 0.0, 2.0, "sad")], [Mark(1, 140.0)], "x"))
    (block,) = re.findall(rb'<script type="application/json" id="call">(.*?)</script>', content)
    assert json.loads(block)["duration"] == 140.0
    assert "</output> / 2:20</span>" in content.decode()
    assert "<dt>Length</dt><dd>0:02</dd>" in content.decode()


def test_metrics_are_those_of_the_analytics(row, agent):
    rows = [row(1, 0.0, 20.0, "angry", "no no no"), agent(2, 24.0, 30.0, "yes"), row(3, 31.0, 41.0, "sad", "well")]
    report = make_report(rows, (), "x")
    content = render(report).decode()
    metrics = re.sub(r"(<[^>]+>|\s)+", " ", content[content.index('<section id="analytics"') :])
    customer, other = report.call.speakers
    assert "Silence 0:05 12%" in metrics
    assert "Silences over 3 s 1 4.0 s" in metrics
    assert f"Talk share {customer.talk_share:.0%} {other.talk_share:.0%}" in metrics
    assert f"Words a minute {customer.words_per_minute:.0f} {other.words_per_minute:.0f}" in metrics
    assert "Response time, median 1.0 s 4.0 s" in metrics
    assert "whole call A 67% S 33%" in metrics
    assert f"from angry to sad; {customer.emotions.trend}" in metrics
    assert "The angriest minute 0:00 to 0:41" in metrics
