"""The words that a baseline network knows: those of its own training texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from stser_core.text import normalise

PADDING = 0
UNKNOWN = 1

_LONGEST = 128


class Vocabulary:
    """Numbers for words; 0 is padding, 1 every word that was not met in training.

    GloVe vectors, which both papers start from, do not ship with this project, so the networks learn their
    embeddings from the training texts alone. That costs them accuracy, and the table should say so.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._numbers = {word: number for number, word in enumerate(words, start=UNKNOWN + 1)}

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """All words that occur at least twice; the others teach what an unknown word is like."""
        counts = Counter(word for text in texts for word in normalise(text).split())
        return cls(sorted(word for word, count in counts.items() if count > 1))

    def __len__(self) -> int:
        return len(self._numbers) + UNKNOWN + 1

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Number the words of texts, of which each has at least one; only the first 128 words are read.

        Returns int64 [texts, longest], 0 after each end; int64 [texts] words in each.
        """
        rows = [[self._numbers.get(word, UNKNOWN) for word in normalise(text).split()[:_LONGEST]] for text in texts]
        counts = torch.tensor([len(row) for row in rows])
        numbers = torch.full((len(rows), int(counts.max())), PADDING)
        for numbered, row in zip(numbers, rows, strict=True):
            numbered[: len(row)] = torch.tensor(row)
        return numbers, counts
