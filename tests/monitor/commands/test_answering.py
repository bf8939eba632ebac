"""Which classifiers can answer with which transcriber, reported beforehand."""

from __future__ import annotations

import pytest

from monitor.commands.answering import require_answers
from monitor.commands.notices import Notices
from monitor.transcribers.none import NoTranscriber
from stser_core.errors import TranscriberError


class Vosk:
    name = "vosk (small)"


class Recognizer:
    """Speech needs no words, text and bimodal do."""

    name = "default"

    def __init__(self, *classifiers, calibrated=("speech", "text", "speech+text")):
        self.classifiers = classifiers
        self._calibrated = calibrated

    def answering(self, *, text):
        return tuple(name for name in self.classifiers if text or name == "speech")

    def is_calibrated(self, classifiers):
        return "+".join(sorted(classifiers)) in self._calibrated


@pytest.mark.parametrize(
    ("recognizer", "transcriber"),
    [
        (Recognizer("speech", "text"), Vosk()),
        (Recognizer("text"), Vosk()),
        (Recognizer("speech", "text"), NoTranscriber()),
        (Recognizer("speech", "bimodal"), NoTranscriber()),
    ],
)
def test_nothing_is_said_where_all_is_well(recognizer, transcriber, capsys):
    require_answers(recognizer, transcriber, Notices(False))

    assert capsys.readouterr().err == ""


def test_classifiers_that_only_read_words_need_a_transcriber():
    with pytest.raises(TranscriberError, match="The classifier text needs words, but nothing is transcribed"):
        require_answers(Recognizer("text"), NoTranscriber(), Notices(True))


@pytest.mark.parametrize(
    ("calibrated", "said"),
    [
        (("speech",), "for the classifiers speech + text:"),
        (("speech+text",), "for the classifiers speech:"),
        ((), "for the classifiers speech + text and for speech:"),
    ],
)
def test_a_combination_that_was_not_calibrated_is_reported_once(calibrated, said, capsys):
    require_answers(Recognizer("speech", "text", calibrated=calibrated), Vosk(), Notices(False))

    error = capsys.readouterr().err
    assert f"default is not calibrated {said}" in error
    assert error.count("\n") == 1
