"""An archive of recordings whose speakers share one channel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.archive.recordings import Found
from monitor.archive.scoring import RecordingScorer, Running
from monitor.cli import main
from monitor.options import AnalysisOptions, RecordingOptions
from monitor.pipeline.opening import Models
from monitor.speakers import Halted, SpeakerEmbedding
from monitor.transcribers import NoTranscriber, vosk_models


class ByLength:
    """Hears one voice in long utterances, and another in short ones."""

    def embed(self, samples):
        vector = [1, 0] if samples.size > 3 * 16_000 else [0, 1]
        return SpeakerEmbedding(np.array(vector, dtype=np.float32), 200)


@pytest.fixture
def shared(data):
    path = data / "calls" / "two_speakers_16k_mono.wav"
    return Found(path.name, str(path))


@pytest.fixture
def hearing(models):
    return Models(models.scorer, NoTranscriber(), ByLength())


def scorer(models, speakers=2):
    return RecordingScorer(models, AnalysisOptions(recording=RecordingOptions(speakers)))


@pytest.fixture
def arguments(scratch_checkpoint):
    return ["--speakers", "2", "--checkpoint", str(scratch_checkpoint), "--asr", "none", "--quiet"]


def test_rows_name_the_voices_in_the_order_in_which_they_speak(shared, hearing):
    made = scorer(hearing)(shared, Running()).turns

    long = [row.end_s - row.start_s > 3 for row in made]
    assert len(set(long)) == 2
    assert [row.speaker for row in made] == ["speaker1" if one == long[0] else "speaker2" for one in long]
    unnamed = scorer(hearing, None)(shared, Running()).turns
    assert tuple(replace(row, speaker="speaker1") for row in made) == unnamed


def test_an_archive_that_stops_does_not_hear_the_voices_to_their_end(shared, hearing):
    running = Running()
    running.halt()

    with pytest.raises(Halted):
        scorer(hearing)(shared, running)


def test_a_missing_speaker_model_is_told_before_anything_is_done(shared, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(vosk_models.SPEAKERS_VARIABLE, raising=False)
    monkeypatch.setattr(vosk_models, "cache_dir", lambda: tmp_path / "nothing")
    out = tmp_path / "timelines"
    assert main(["archive", str(Path(shared.path).parent), "--out", str(out), *arguments]) == 1

    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "unpack https://" in told and vosk_models.SPEAKERS in told
    assert list(out.glob("*.csv")) == []
