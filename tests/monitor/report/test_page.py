import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import av
import numpy as np
import pytest
from browsing import NASTY

from monitor.report.page import Said, render, said
from monitor.report.sound import Sound, encode
from monitor.timeline.notes import Mark
from stser_core.emotions import LABELS
from stser_core.errors import AudioError

RATE = 8_000


def made(rows, notes=(), **options):
    return render(rows, notes, "quiet.csv", **options).decode()


def call_of(page):
    """What the scripts get."""
    (block,) = re.findall(r'<script type="application/json" id="call">(.*?)</script>', page)
    return json.loads(block)


def text_of(page, start):
    """The text of a page from a piece of it on."""
    return re.sub(r"(<[^>]+>|\s)+", " ", page[page.index(start) :])


class Shape(HTMLParser):
    """The elements of a page and their attributes, whatever is said in it, as a browser's parser finds them."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, sorted(name for name, _ in attributes)))


OTHERS = ["<!--", "]]>", "&lt;b&gt; & so on {% raw %}", "a\u2028b\u2029c", "caf\udce9.wav"]


@pytest.mark.parametrize("nasty", [*NASTY, *OTHERS])
def test_no_text_becomes_a_part_of_the_page(row, nasty, alert_note):
    def with_text(text):
        names = {"speaker": text, "recording": text, "checkpoint": text, "words": None}
        return made([row(1, 0.0, 2.0, "angry", text, **names)], [alert_note(rule=text, speaker=text)])

    page = with_text(nasty)
    assert Shape(page).elements == Shape(with_text("plain")).elements
    assert "alert(1)</script>" not in page


def test_the_page_permits_its_own_scripts_and_styles_and_nothing_else(row):
    page = made([row(1, 0.0, 2.0, "sad", "hello")])
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = {name: values for name, *values in (rule.split() for rule in policy.split(";"))}
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["media-src"] == ["blob:"]
    own = {kind: re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL) for kind in ("script", "style")}
    for kind, sources in own.items():
        hashes = [base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in sources]
        assert rules[f"{kind}-src"] == [f"'sha256-{each}'" for each in hashes]
    assert len(own["script"]) == 10
    assert ":root {--angry: #d55e00; --on-angry: #000000;" in own["style"][1]
    licence = files("monitor.web").joinpath("vendor/uplot/LICENSE").read_text()
    assert licence in page
    assert "MIT" in licence


def test_the_page_tells_recording_length_checkpoint_and_what_may_be_concluded(row):
    page = made([row(1, 0.0, 75.0, "sad")])
    assert "<title>call.wav – " in page
    header = re.sub(r"\s+", " ", page[page.index("<header>") : page.index("</header>")])
    assert ">call.wav<" in header
    assert "1:15 min · 1 turn · 1 speaker · checkpoint <bdi>default</bdi>" in header
    assert "not what anybody feels" in header


def test_turns_marks_and_alerts_stand_in_the_order_of_their_times_with_salient_words(row, agent, alert_note):
    explained = {"salient_start_s": 3.25, "salient_end_s": 3.75}
    rows = [row(2, 3.0, 4.0, "angry", "this is not fair", extra=explained), agent(3, 3.5, 6.0), row(1, 0.0, 2.0, "sad")]
    page = made(rows, [Mark(1, 1.5), alert_note(turn=2)])
    listed = page[page.index('<ol id="turns">') :]
    found = re.findall(r'id="(turn-\d)"|(Mark \d) at|dir="auto">(.*?)</p>|(Alert: .*?)</p>', listed)
    assert ["".join(each) for each in found] == [
        "turn-0",
        "Mark 1",
        "turn-1",
        "this <u>is not</u> fair",
        "Alert: <bdi>angry&gt;0.4</bdi>",
        "turn-2",
    ]
    assert '<span aria-hidden="true">▼</span> mark</li>' in page  # in the legend


@pytest.mark.parametrize(
    "changes",
    [
        {"words": None},
        {"extra": {}},
        {"extra": {"salient_start_s": 0.0, "salient_end_s": "far"}},
        {"transcript": "not fair", "said": "knot fare"},
    ],
    ids=["no times of words", "not explained", "no number", "corrected by hand"],
)
def test_where_it_is_not_known_which_words_are_salient_they_are_shown_as_they_are(row, changes):
    explained = {"salient_start_s": 0.0, "salient_end_s": 9.0}
    assert said(row(1, 0.0, 4.0, "sad", **{"said": "not fair", "extra": explained, **changes})) == (Said("not fair"),)


def test_the_scripts_get_times_and_scores_but_no_words(row, agent, alert_note):
    rows = [row(1, 0.0, 2.0, "angry", "secret"), agent(2, 2.5, 3.0, "hush")]
    call = call_of(made(rows, [alert_note()]))
    assert call["labels"] == list(LABELS)
    assert call["speakers"] == ["customer", "agent"]
    assert [(turn["start"], turn["end"], turn["lane"], turn["emotion"], turn["alert"]) for turn in call["turns"]] == [
        (0.0, 2.0, 0, "angry", True),
        (2.5, 3.0, 1, None, False),
    ]
    assert "secret" not in json.dumps(call)


def test_where_nobody_speaks_the_page_says_so_and_shows_marks_all_the_same():
    page = made([], [Mark(1, 60.0), Mark(2, 120.0)])
    assert "Nobody speaks in this timeline.</p>" in page
    assert "quiet.csv" in page
    assert re.findall(r"Mark (\d) at ([\d:]+)</li>", page) == [("1", "1:00"), ("2", "2:00")]
    assert "<script>" not in made([])


def test_music_has_a_lane_and_is_in_no_metric(row, agent):
    music = agent(2, 3.0, 30.0, "[music]")
    page = made([row(1, 0.0, 2.0, "angry", "no"), music])
    assert [turn["lane"] for turn in call_of(page)["turns"]] == [0, 1]
    assert call_of(page)["speakers"] == ["customer", "agent"]
    assert "Speech 0:02 Silence 0:28" in text_of(page, '<section id="analytics"')
    assert '<table class="speakers">' in page
    assert '<table class="speakers">' not in made([music])


def test_the_page_reaches_to_the_last_mark_and_the_metrics_do_not(row):
    page = made([row(1, 0.0, 2.0, "sad")], [Mark(1, 140.0)])
    assert call_of(page)["duration"] == 140.0
    assert "</output> / 2:20</span>" in page
    assert "<dt>Length</dt><dd>0:02</dd>" in page


def test_metrics_are_those_of_the_analytics(row, agent):
    rows = [row(1, 0.0, 20.0, "angry", "no no no"), agent(2, 24.0, 30.0, "yes"), row(3, 31.0, 41.0, "sad", "well")]
    metrics = text_of(made(rows), '<section id="analytics"')
    for known in (
        "Silence 0:05 12%",
        "Silences over 3 s 1 4.0 s",
        "Talk share 83% 17%",
        "Words a minute 8 10",
        "Response time, median 1.0 s 4.0 s",
        "whole call A 67% S 33%",
        "from angry to sad; steady",
        "The angriest minute 0:00 to 0:41",
    ):
        assert known in metrics


def test_a_recording_that_is_shorter_than_its_timeline_is_another_one(row):
    rows = [row(1, 0.0, 2.0, "sad"), row(2, 8.0, 10.0, "sad")]
    with pytest.raises(AudioError, match=r"is 6\.5 s long, but the timeline's last turn ends at 10\.0 s"):
        made(rows, sound=Sound(b"", 6.5))
    assert "<dt>Length</dt><dd>0:10</dd>" in made(rows, sound=Sound(b"", 9.8))
    assert "Silence 0:10 71%" in text_of(made(rows, sound=Sound(b"", 14.0)), '<section id="analytics"')


def test_a_page_plays_opus_in_webm_with_every_second_and_channel_in_its_place(tmp_path, write_wav):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    sound = encode(write_wav(tmp_path / "a.wav", np.repeat([[1, 0], [0, 1]], RATE, axis=1) * tone, RATE))
    assert sound.duration_s == pytest.approx(2.0, abs=0.001)
    assert b"webm" in sound.content[:64]
    with av.open(io.BytesIO(sound.content)) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    assert stream.codec_context.name == "opus"
    seconds = np.split(samples[:, : 2 * stream.rate], 2, axis=1)
    levels = 10 * np.log10([np.mean(second**2, axis=1) + 1e-9 for second in seconds])
    assert levels.shape == (2, 2)
    assert min(levels[0, 0], levels[1, 1]) > -15
    assert max(levels[0, 1], levels[1, 0]) < -30
