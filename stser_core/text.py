"""Transcripts as the text model reads them: the one normalisation that training and monitoring share.

Recognisers such as Vosk write lower case without punctuation, so the text model is trained on the same.
"""

import re
import unicodedata

_EVENT = re.compile(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)")
_APOSTROPHE = re.compile("[’‘´`]")
_NOT_A_WORD = re.compile(r"[^\w'\s]|_")
_LOOSE_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")


def normalise(text: str) -> str:
    """Write a text the way a speech recogniser would.

    Bracketed events (`[LAUGHTER]`) and punctuation go, apostrophes inside words stay, case is folded.

    Args:
        text: Any text, in any script.

    Returns:
        Words separated by single blanks; empty where the text held no word.
    """
    text = unicodedata.normalize("NFC", text.lower())
    text = _APOSTROPHE.sub("'", _EVENT.sub(" ", text))
    text = _LOOSE_APOSTROPHE.sub(" ", _NOT_A_WORD.sub(_mark_or_blank, text))
    return " ".join(text.split())


def _mark_or_blank(found: re.Match[str]) -> str:
    """Accents and vowel signs that are characters of their own belong to their word, as in Hindi or Thai."""
    return found[0] if unicodedata.category(found[0]).startswith("M") else " "
