"""A timeline as JSON Lines: the CSV's columns as keys, and what a table has no room for."""

from __future__ import annotations

import json

from monitor.exporters.destination import Destination
from monitor.exporters.row import printed_probabilities, row
from monitor.flow import Turn
from stser_core.emotions import LABELS


class JsonlExporter:
    """Writes a timeline as JSON Lines: UTF-8, one object for each turn.

    Each object has the CSV's columns as keys, with numbers as numbers and `null` for what is not known, and
    in addition

    * `words`: a list of `{"text", "start_s", "end_s", "confidence"}`, or `null` where nothing was
      transcribed;
    * `classifiers`: the probabilities of each classifier that answered, `{"speech": {"angry": …}, …}`, or
      `null` where nothing was scored.
    """

    def __init__(self, path: str) -> None:
        """Check that `path` can be written (`-` is standard output).

        Raises:
            OutputError: The file cannot be opened for writing.
        """
        self._destination = Destination(path)

    def begin(self) -> None:
        """Empty the file; a timeline without turns is an empty file."""
        self._destination.begin()

    def write(self, turn: Turn) -> None:
        """Write one line."""
        keys = {**row(turn), "words": _words(turn), "classifiers": _classifiers(turn)}
        self._destination.write(json.dumps(keys, ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._destination.close()


def _words(turn: Turn) -> list[dict[str, str | float]] | None:
    if turn.transcript is None:
        return None
    return [
        {
            "text": word.text,
            "start_s": round(word.start_s, 3),
            "end_s": round(word.end_s, 3),
            "confidence": round(word.confidence, 4),
        }
        for word in turn.transcript.words
    ]


def _classifiers(turn: Turn) -> dict[str, dict[str, float]] | None:
    if turn.scores is None:
        return None
    return {
        name: dict(zip(LABELS, printed_probabilities(probabilities), strict=True))
        for name, probabilities in turn.scores.by_classifier.items()
    }
