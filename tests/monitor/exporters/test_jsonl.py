import json

from monitor.exporters import Exporter
from monitor.exporters.jsonl import JsonLines
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.turn import COLUMNS
from stser_core.scores import EmotionScores


def written(path, *turns):
    exporter = Exporter(str(path), JsonLines())
    exporter.begin()
    for turn in turns:
        exporter.write(turn)
    exporter.close()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_the_columns_of_the_csv_with_numbers_as_numbers(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert list(line) == [*COLUMNS, "words", "classifiers"]
    assert {column: line[column] for column in COLUMNS} == turn().values()


def test_words_carry_their_times(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert line["words"][0] == {"text": "where", "start_s": 1.2, "end_s": 1.5, "confidence": 0.9}
    assert [word["text"] for word in line["words"]] == ["where", "is", "it"]


def test_each_classifier_tells_its_probabilities(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert line["classifiers"]["bimodal"] == {"angry": 0.1, "happy": 0.1, "neutral": 0.7, "sad": 0.1}
    assert set(line["classifiers"]) == {"speech", "text", "bimodal"}


def test_a_further_classifier_has_its_probabilities_and_no_column(tmp_path, turn):
    by_classifier = {"speech": (0.4, 0.3, 0.2, 0.1), "pitch": (0.0, 0.1, 0.2, 0.7)}
    scores = EmotionScores(by_classifier, ensemble=(0.2, 0.2, 0.2, 0.4))

    (line,) = written(tmp_path / "out.jsonl", turn(scores=scores))

    assert line["classifiers"] == {
        "speech": {"angry": 0.4, "happy": 0.3, "neutral": 0.2, "sad": 0.1},
        "pitch": {"angry": 0.0, "happy": 0.1, "neutral": 0.2, "sad": 0.7},
    }
    assert list(line) == [*COLUMNS, "words", "classifiers"]


def test_unknown_is_null(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn(scores=None, transcript=None))
    for key in ("emotion", "p_sad", "speech_emotion", "transcript", "words", "classifiers"):
        assert line[key] is None


def test_an_empty_timeline_is_an_empty_file(tmp_path):
    assert written(tmp_path / "out.jsonl") == []
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_file_name_that_is_not_utf8_is_still_json(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn(recording="caf\udce9.wav"))
    assert line["recording"] == r"caf\udce9.wav"


def explained(salience):
    return EmotionScores({"speech": (0.7, 0.1, 0.1, 0.1)}, (0.7, 0.1, 0.1, 0.1), salience)


def test_an_explained_turn_tells_where_the_attention_rested(tmp_path, turn):
    exporter = Exporter(str(tmp_path / "out.jsonl"), JsonLines(explain=True))
    exporter.begin()
    exporter.write(turn(start_s=1.0, end_s=1.4, scores=explained((0.1, 0.2, 0.6, 0.1))))
    exporter.write(turn(scores=None))
    exporter.close()
    known, unknown = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (known["salient_start_s"], known["salient_end_s"]) == (1.2, 1.3)
    assert known["salience"] == [0.1, 0.2, 0.6, 0.1]
    assert (unknown["salient_start_s"], unknown["salience"]) == (None, None)


def test_notes_are_told_from_turns_by_their_type(tmp_path):
    exporter = Exporter(str(tmp_path / "out.jsonl"), JsonLines())
    exporter.begin()
    exporter.write_note(Mark(2, 61.23456))
    exporter.write_note(Alert("sad>0.5 for 2 turns", 70.5, 1, "customer", 9, "sad", 0.7124))
    exporter.close()
    mark, alert = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert mark == {"type": "mark", "number": 2, "time_s": 61.235}
    assert alert == {
        "type": "alert",
        "rule": "sad>0.5 for 2 turns",
        "time_s": 70.5,
        "channel": 1,
        "speaker": "customer",
        "turn": 9,
        "emotion": "sad",
        "probability": 0.7124,
    }
