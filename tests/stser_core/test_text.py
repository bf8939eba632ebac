"""Transcripts are written as speech recognisers write them, in training and in monitoring."""

import unicodedata

import pytest

from stser_core.text import normalise


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello, how can I help you?", "hello how can i help you"),
        ("I'm NOT happy -- at all!", "i'm not happy at all"),
        ("I’m sure it‘s fine", "i'm sure it's fine"),
        ("'Twas the dogs' 'idea'", "twas the dogs idea"),
        ("[LAUGHTER] yeah <breath> right (sighs)", "yeah right"),
        ("well-known e-mail, 24/7", "well known e mail 24 7"),
        ("snake_case\tand\nlines", "snake case and lines"),
        ("Ärger über Größe", "ärger über größe"),
        ("re\u0301sume\u0301", "résumé"),
        ("안녕하세요, 여러분!", "안녕하세요 여러분"),
        ("你好。我很生气！", "你好 我很生气"),
        ("नमस्ते, आप कैसे हैं?", "नमस्ते आप कैसे हैं"),
        ("[LAUGHTER] ... ''", ""),
        ("", ""),
    ],
)
def test_as_a_transcriber_would_write_it(text, spoken):
    once = normalise(text)
    assert normalise(once) == once == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("What?! No, really...", "what ? ! no really"),
        ("你好！真的吗？", "你好 ! 真的吗 ?"),
        ("it's fine", "it's fine"),
        ("?!", ""),
        ("[LAUGHTER] !", ""),
    ],
)
def test_marks_may_stay(text, read):
    assert normalise(text, marks=True) == read
