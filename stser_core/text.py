"""Transcripts as the text model reads them: the one normalisation that training and monitoring share.

Transcribers such as Vosk write lower case without punctuation; Whisper writes as people do. Capitals say nothing about
an emotion, but question and exclamation marks do: a text encoder that is trained with and without them may read them.
"""

import re
import unicodedata

_EVENT = re.compile(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)")
_APOSTROPHE = re.compile("[’‘´`]")
_NOT_A_WORD = re.compile(r"[^\w'\s]|_")
_MARKS = {"!": " ! ", "?": " ? ", "\uff01": " ! ", "\uff1f": " ? "}
"""Question and exclamation marks, also as East Asian scripts write them."""

CONFIDENCE_FLOOR = 0.35
"""A transcript of lower confidence is not read."""

_LOOSE_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")


def is_usable(text: str | None, confidence: float | None) -> bool:
    """Whether a transcript has words, and its transcriber is confident enough of them (`None`: gives no confidence)."""
    return bool(normalise(text or "")) and (confidence is None or confidence >= CONFIDENCE_FLOOR)


def normalise(text: str, *, marks: bool = False) -> str:
    """Normalise a text, in any script, to the output of a speech recogniser: words separated by single blanks.

    Bracketed events (`[LAUGHTER]`) and punctuation go, apostrophes inside words stay, case is folded. With `marks`,
    question and exclamation marks stay, each as a word of its own, unless there are no other words.
    """
    text = unicodedata.normalize("NFC", text.lower())
    text = _APOSTROPHE.sub("'", _EVENT.sub(" ", text))
    text = _LOOSE_APOSTROPHE.sub(" ", _NOT_A_WORD.sub(lambda found: _kept(found[0], marks=marks), text))
    words = text.split()
    return " ".join(words) if not marks or any(word not in _MARKS for word in words) else ""


def _kept(character: str, *, marks: bool) -> str:
    """Accents and vowel signs that are characters of their own belong to their word, as in Hindi or Thai."""
    other = character if unicodedata.category(character).startswith("M") else " "
    return _MARKS.get(character, other) if marks else other
