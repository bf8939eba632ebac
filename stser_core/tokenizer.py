"""Transcripts as the text model reads them: normalised, then as ALBERT's word pieces (`tokenizer.json`).

Transcribers such as Vosk write lower case without punctuation; Whisper writes as people do. Capitals say nothing about
an emotion, but question and exclamation marks do: a text encoder trained with and without them may read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stser_core.errors import CheckpointError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer as PieceTokenizer

TOKENIZER_FILE = "tokenizer.json"
CONFIDENCE_FLOOR = 0.35  # a transcript of lower confidence is not read

_EVENT = re.compile(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)")
_APOSTROPHE = re.compile("[’‘´`]")
_LOOSE_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")
_NOT_A_WORD = re.compile(r"[^\w'\s]|_")
_MARKS = {"!": " ! ", "?": " ? ", "\uff01": " ! ", "\uff1f": " ? "}
"""Question and exclamation marks, also as East Asian scripts write them."""
_WORD_START = "▁"


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


class Encoded(NamedTuple):
    """A padded batch of transcripts."""

    pieces: NDArray[np.int64]  # int64 [batch, n], piece ids
    mask: NDArray[np.int64]  # int64 [batch, n], 1 where there is a piece
    unknown: tuple[float, ...]  # proportion of unknown pieces in each transcript


class Tokenizer:
    """Transcripts to word pieces."""

    def __init__(self, pieces: PieceTokenizer, maximum_pieces: int, *, marks: bool = False) -> None:
        """Wrap a piece tokenizer; see `TmodelConfig` for the rest."""
        self._pieces, self._marks = pieces, marks
        pieces.enable_truncation(maximum_pieces)
        pieces.enable_padding(pad_id=pieces.token_to_id("<pad>") or 0, pad_token="<pad>")
        self._unknown = pieces.token_to_id("<unk>")
        marks_or_nothing = {pieces.token_to_id(start + mark) for start in ("", _WORD_START) for mark in ("", "!", "?")}
        self._without_word = [piece for piece in marks_or_nothing if piece is not None]

    @classmethod
    def load(cls, folder: Path, maximum_pieces: int, *, marks: bool = False) -> Tokenizer:
        """Load a folder's `tokenizer.json`; raises `CheckpointError` where it is missing or broken."""
        from tokenizers import Tokenizer as PieceTokenizer

        path = folder / TOKENIZER_FILE
        try:
            tokenizer = cls(PieceTokenizer.from_str(path.read_text(encoding="utf-8")), maximum_pieces, marks=marks)
            tokenizer(["안"])  # fails where the piece for what is unknown is missing
        except Exception as error:  # the library raises nothing narrower
            raise CheckpointError(f"{path} cannot be read as a tokenizer ({error}).") from error
        return tokenizer

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` into a folder."""
        self._pieces.save(str(folder / TOKENIZER_FILE))

    def __call__(self, texts: Sequence[str]) -> Encoded:
        """Encode transcripts; each is normalised first, as in training."""
        batch = self._pieces.encode_batch([normalise(text, marks=self._marks) for text in texts])
        pieces = np.array([one.ids for one in batch], dtype=np.int64)
        mask = np.array([one.attention_mask for one in batch], dtype=np.int64)
        # Marks, and the bare word start before an unknown word, are not pieces of a word.
        of_words = mask.sum(1) - 2 - np.isin(pieces, self._without_word).sum(1)
        unknown = (pieces == self._unknown).sum(1) / np.maximum(1, of_words)
        return Encoded(pieces, mask, tuple(unknown.tolist()))
