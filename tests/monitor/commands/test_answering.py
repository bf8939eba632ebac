"""Who can answer with which recogniser, said beforehand."""

from __future__ import annotations

import pytest

from monitor.commands.answering import require_answers
from monitor.commands.notices import Notices
from monitor.transcribers.none import NoTranscriber
from stser_core.errors import TranscriberError


class Hearing:
    """A recogniser, with an encoder of its own where a name is given."""

    def __init__(self, name, encoder=None):
        self.name = name
        if encoder is not None:
            self.encoder = encoder


class Ensemble:
    """Speech needs nothing, text needs words, whisper needs whisper-base."""

    def __init__(self, *classifiers):
        self.classifiers = classifiers
        self.encoders = ("whisper-base",) if "whisper" in classifiers else ()

    def answering(self, *, text=True, encoders=()):
        can = {"speech": True, "text": text, "whisper": "whisper-base" in encoders}
        return tuple(name for name in self.classifiers if can[name])


VOSK = Hearing("vosk (small)")
WHISPER = Hearing("whisper (base)", "whisper-base")


@pytest.mark.parametrize(
    ("ensemble", "transcriber"),
    [
        (Ensemble("speech", "text", "whisper"), WHISPER),
        (Ensemble("whisper"), WHISPER),
        (Ensemble("text"), VOSK),
        (Ensemble("speech", "text"), NoTranscriber()),
    ],
)
def test_nothing_is_said_where_all_is_well(ensemble, transcriber, capsys):
    require_answers(ensemble, transcriber, Notices(False))

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("transcriber", [VOSK, NoTranscriber(), Hearing("whisper (tiny)", "whisper-tiny")])
def test_a_member_without_its_encoder_is_said_to_be_absent(transcriber, capsys):
    require_answers(Ensemble("speech", "whisper"), transcriber, Notices(False))

    assert "the member whisper is absent, for it reads whisper-base" in capsys.readouterr().err


def test_classifiers_that_only_read_words_need_a_recogniser():
    with pytest.raises(TranscriberError, match="The classifier text needs words, but nothing is transcribed"):
        require_answers(Ensemble("text"), NoTranscriber(), Notices(True))


@pytest.mark.parametrize("transcriber", [VOSK, NoTranscriber()])
def test_a_member_alone_needs_its_encoder(transcriber):
    with pytest.raises(TranscriberError, match="classifier whisper reads whisper-base, which only --asr whisper"):
        require_answers(Ensemble("whisper"), transcriber, Notices(True))
