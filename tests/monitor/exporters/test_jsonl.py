import json

import pytest

from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.turn import COLUMNS
from stser_core.emotions import LABELS
from stser_core.scores import EmotionScores


@pytest.fixture
def written(write_timeline):
    """Write turns and notes, and read the objects as any program would."""

    def write(path, *given, **options):
        return [json.loads(line) for line in write_timeline(path, *given, **options).read_text("utf-8").splitlines()]

    return write


def test_a_line_has_the_columns_of_the_csv_with_numbers_as_numbers(written, tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert list(line) == [*COLUMNS, "words", "classifiers"]
    assert {column: line[column] for column in COLUMNS} == turn().values()
    assert line["words"][0] == {"text": "where", "start_s": 1.2, "end_s": 1.5, "confidence": 0.9}
    assert [word["text"] for word in line["words"]] == ["where", "is", "it"]
    assert line["classifiers"]["bimodal"] == {"angry": 0.1, "happy": 0.1, "neutral": 0.7, "sad": 0.1}


def test_a_further_classifier_has_its_probabilities_and_no_column(written, tmp_path, turn):
    pitch = (0.0, 0.1, 0.2, 0.7)
    (line,) = written(tmp_path / "out.jsonl", turn(scores=EmotionScores({"speech": pitch, "pitch": pitch}, pitch)))
    assert line["classifiers"] == {name: dict(zip(LABELS, pitch, strict=True)) for name in ("speech", "pitch")}
    assert list(line) == [*COLUMNS, "words", "classifiers"]


def test_unknown_is_null(written, tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn(scores=None, transcript=None))
    for key in ("emotion", "p_sad", "speech_emotion", "transcript", "words", "classifiers"):
        assert line[key] is None


def test_an_explained_turn_tells_where_the_attention_rested(written, tmp_path, turn, explained):
    turns = turn(start_s=1.0, end_s=1.4, scores=explained((0.1, 0.2, 0.6, 0.1))), turn(scores=None)
    known, unknown = written(tmp_path / "out.jsonl", *turns, explain=True)
    assert (known["salient_start_s"], known["salient_end_s"]) == (1.2, 1.3)
    assert known["salience"] == [0.1, 0.2, 0.6, 0.1]
    assert (unknown["salient_start_s"], unknown["salience"]) == (None, None)


def test_notes_are_told_from_turns_by_their_type(written, tmp_path):
    notes = Mark(2, 61.23456), Alert("sad>0.5 for 2 turns", 70.5, 1, "customer", 9, "sad", 0.7124)
    mark, alert = written(tmp_path / "out.jsonl", *notes)
    assert mark == {"type": "mark", "number": 2, "time_s": 61.235}
    said = {"rule": "sad>0.5 for 2 turns", "speaker": "customer", "emotion": "sad", "probability": 0.7124}
    assert alert == {"type": "alert", "time_s": 70.5, "channel": 1, "turn": 9, **said}


def test_json_lines_that_were_read_back_are_written_as_they_were(tmp_path, turn, surely, exported, write_timeline):
    turns = [turn(), turn(turn=2, scores=None), turn(turn=3, scores=surely("sad"), transcript=None)]
    written = write_timeline(tmp_path / "call.jsonl", *turns).read_bytes()
    assert exported("jsonl", *read_timeline(tmp_path / "call.jsonl").turns) == written
    assert exported("jsonl", *turns) == written


def test_what_a_csv_does_not_tell_is_null(exported, row, tmp_path):
    content = exported("jsonl", row(extra={"salient_start_s": 1.2}))
    assert b'"words": null, "classifiers": null, "salient_start_s": 1.2}' in content
    (tmp_path / "call.jsonl").write_bytes(content)
    assert read_timeline(tmp_path / "call.jsonl").turns == (row(extra={"salient_start_s": 1.2}),)
