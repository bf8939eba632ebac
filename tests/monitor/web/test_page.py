"""The document around each page's content: what it permits itself, what it escapes, and how it begins."""

import html
import re
from importlib.resources import files

import pytest
from jinja2 import DictLoader, UndefinedError

from monitor.web import Inline, base_style, environment, render
from monitor.web.page import source_hash

FILLED = """{% extends "base.html" %}
{% block subject %}a test{% endblock %}
{% block skip %}<a class="skip" href="#there">Skip</a>{% endblock %}
{% block facts %}<p>{{ fact | shout }}, {{ labels | join(" ") }}</p>{% endblock %}
{% block content %}<p id="there">{{ said }}</p>
{% for script in scripts %}<script>{{ script.markup }}</script>{% endfor %}{% endblock %}
"""
SCRIPT = Inline("if (1 < 2 && 3 > 2) {}")


@pytest.fixture
def template():
    made = environment("monitor.report", "page", {"shout": str.upper})
    made.loader.loaders.insert(0, DictLoader({"filled.html": FILLED}))
    return made.get_template("filled.html")


@pytest.fixture
def page(template):
    """Make a page of what is said."""

    def make(said="", **more):
        given = {"styles": [base_style()], "scripts": [SCRIPT], "title": "A & B", "fact": "fact", "said": said}
        return render(template, **(given | more)).decode()

    return make


def policy(content):
    (found,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', content)
    return html.unescape(found).split("; ")


def test_a_page_permits_its_own_scripts_and_styles_and_nothing_else(page):
    style = Inline("p { margin: 0; }")
    assert policy(page(styles=[base_style(), style])) == [
        "default-src 'none'",
        f"script-src {SCRIPT.hash}",
        f"style-src {base_style().hash} {style.hash}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "media-src blob:" in policy(page(permits=["media-src blob:"]))


def test_what_is_hashed_is_what_stands_in_the_page(page):
    content = page()
    (script,) = re.findall(r"<script>(.*?)</script>", content, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    assert script == SCRIPT.source
    assert (source_hash(script), source_hash(style)) == (SCRIPT.hash, base_style().hash)


def test_texts_are_escaped_and_all_of_the_document_is_there(page):
    content = page("<script>alert(1)</script>")
    assert "&lt;script&gt;alert(1)" in content
    assert "<title>A &amp; B – a test</title>" in content
    assert '<h1 dir="auto">A &amp; B</h1>' in content
    assert "<p>FACT, angry happy neutral sad</p>" in content
    assert "not what anybody feels" in content
    assert content.startswith("<!doctype html>") and content.endswith("</html>")


def test_a_name_that_is_not_utf8_does_not_stop_a_page(page):
    assert "caf\\udce9.wav" in page("caf\udce9.wav")


def test_what_a_template_misses_is_an_error(template):
    with pytest.raises(UndefinedError, match="title"):
        render(template, styles=[], scripts=[])


def test_the_palette_is_the_programs():
    assert "--angry: #d55e00; --on-angry: #000000;" in base_style().source
    assert "--sad: #0072b2; --on-sad: #ffffff;" in base_style().source


@pytest.mark.parametrize(
    ("package", "parts"),
    [
        ("monitor.web", ["base.html", "base.css", "call.css", "basics.js", "chart.js", "chips.html"]),
        ("monitor.web", ["../vendor/uplot/uPlot.iife.min.js", "../vendor/uplot/LICENSE"]),
        ("monitor.report", ["page/report.html", "page/report.css", "page/start.js"]),
        ("monitor.archive", ["overview.html", "overview.css", "overview.js"]),
    ],
)
def test_every_part_is_packed_with_the_program(package, parts):
    for part in parts:
        assert files(package).joinpath(part if package == "monitor.report" else f"templates/{part}").is_file(), part
