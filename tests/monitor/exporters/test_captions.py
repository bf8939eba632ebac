"""WebVTT, SubRip, Audacity labels and RTTM, read by others' readers where there are any."""

import html
import io
from datetime import timedelta

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.formats import FORMATS

HOSTILE = [
    "a --> b",
    "00:00:01.000 --> 00:00:09.000",
    "<script>alert(1)</script>",
    "<i>x</i> &amp; {\\an8}",
    'say "no"',
    "שלום \u202eעולם\u202c",
    "two\nlines\n\n2\n00:00:01,000 --> 00:00:02,000\nx",
    "tab\there\rand\x00\x1b[31m",
    "NOTE this",
]
texts = st.text(max_size=30) | st.sampled_from(HOSTILE)
LINE_ENDS = "\n\r\t\0\x1b"


def plain(text):
    return "".join(" " if sign in LINE_ENDS else sign for sign in text).strip()


def vtt(content):
    return list(webvtt.from_buffer(io.StringIO(content.decode())))


def test_captions_tell_time_speaker_emotion_and_words(exported, row, agent):
    content = exported("webvtt", agent(), row())
    first, second = vtt(content)
    assert (first.start, first.end) == ("00:00:01.000", "00:00:02.500")
    assert (second.start, second.end) == ("00:00:02.200", "00:00:03.600")
    assert (first.text, second.text) == ("[angry 50%] where is it", "hold on")
    assert second.voice == "agent"
    assert b"<v.angry customer>" in content
    first, second = srt.parse(exported("srt", row(), agent()).decode())
    assert (first.index, first.start, first.end) == (1, timedelta(seconds=1), timedelta(seconds=2.5))
    assert (first.content, second.content) == ("customer: [angry 50%] where is it", "agent: hold on")


@pytest.mark.parametrize("text", HOSTILE)
def test_captions_keep_any_text_as_data(exported, row, text):
    rows = row(transcript=text, speaker="a>b"), row(start_s=5.0, end_s=6.0)
    content = exported("webvtt", *rows)
    first, second = vtt(content)
    assert html.unescape(first.text) == f"[angry 50%] {plain(text)}"
    assert second.text == "[angry 50%] where is it"
    assert b"<script" not in content
    assert content.count(b"-->") == 2
    first, second = srt.parse(exported("srt", *rows).decode())
    assert first.content == f"a>b: [angry 50%] {plain(text)}"
    assert second.start == timedelta(seconds=5)


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_every_turn_is_a_cue_in_order(exported, row, said):
    rows = [
        row(speaker=who, transcript=what, start_s=9.0 - number, end_s=9.0) for number, (who, what) in enumerate(said)
    ]
    starts = sorted(9.0 - number for number in range(len(said)))
    content = exported("webvtt", *rows)
    assert content.startswith(b"WEBVTT\n\n") or not rows
    assert [cue.start for cue in vtt(content)] == [f"00:00:0{start:.3f}" for start in starts]
    assert [each.start.total_seconds() for each in srt.parse(exported("srt", *rows).decode())] == starts


def test_times_beyond_an_hour_and_turns_without_length_words_or_emotion(exported, row, agent):
    content = exported("srt", row(start_s=3725.0401, end_s=3725.04), row(start_s=360_000.0, end_s=360_001.0)).decode()
    assert "01:02:05,040 --> 01:02:05,041" in content
    assert "100:00:00,000 --> 100:00:01,000" in content
    assert "[angry 50%]\n" in exported("srt", row(transcript=None)).decode()
    assert "agent: [speech]\n" in exported("srt", agent(transcript=None)).decode()


@given(texts, texts)
def test_an_audacity_label_is_one_line_of_three_fields(exported, row, who, what):
    content = exported("audacity", row(speaker=who, transcript=what), row(start_s=5.0, end_s=6.0))
    lines = content.decode().split("\n")
    assert len(lines) == 3
    assert all(len(line.split("\t")) == 3 for line in lines[:2])
    assert lines[0].startswith("1.000000\t2.500000\t")
    assert lines[1] == "5.000000\t6.000000\tcustomer: [angry 50%] where is it"


@given(texts, texts)
def test_an_rttm_line_has_ten_fields(exported, row, who, recording):
    (fields,) = (line.split() for line in exported("rttm", row(speaker=who, recording=recording)).decode().splitlines())
    assert len(fields) == 10
    assert (fields[0], *fields[2:7]) == ("SPEAKER", "1", "1.000", "1.500", "<NA>", "<NA>")
    two_words = exported("rttm", row(speaker="second agent")).decode()
    assert two_words == "SPEAKER call_one 1 1.000 1.500 <NA> <NA> second_agent <NA> <NA>\n"


def test_a_timeline_without_turns_is_an_empty_file(exported):
    assert [exported(name) for name in ("srt", "audacity", "rttm", "webvtt")] == [b"", b"", b"", b"WEBVTT\n"]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_file_name_that_is_not_utf8_stops_no_format(exported, row, name):
    assert exported(name, row(recording="caf\udce9.wav", speaker="\udce9", transcript="\udce9", checkpoint="\udce9"))
