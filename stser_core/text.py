"""Transcripts as the text model reads them: the one normalisation that training and monitoring share.

Recognisers such as Vosk write lower case without punctuation, so the text model is trained on the same.
"""

import re

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
    text = _APOSTROPHE.sub("'", _EVENT.sub(" ", text)).lower()
    text = _LOOSE_APOSTROPHE.sub(" ", _NOT_A_WORD.sub(" ", text))
    return " ".join(text.split())
