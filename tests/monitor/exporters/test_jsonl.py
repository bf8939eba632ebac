import json

from monitor.exporters.jsonl import JsonlExporter
from monitor.exporters.row import COLUMNS, row


def written(path, *turns):
    exporter = JsonlExporter(str(path))
    exporter.begin()
    for turn in turns:
        exporter.write(turn)
    exporter.close()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_the_columns_of_the_csv_with_numbers_as_numbers(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert list(line) == [*COLUMNS, "words", "classifiers"]
    assert {column: line[column] for column in COLUMNS} == row(turn())


def test_words_carry_their_times(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert line["words"][0] == {"text": "where", "start_s": 1.2, "end_s": 1.5, "confidence": 0.9}
    assert [word["text"] for word in line["words"]] == ["where", "is", "it"]


def test_each_classifier_tells_its_probabilities(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn())
    assert line["classifiers"]["bimodal"] == {"angry": 0.1, "happy": 0.1, "neutral": 0.7, "sad": 0.1}
    assert set(line["classifiers"]) == {"speech", "text", "bimodal"}


def test_unknown_is_null(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn(scores=None, transcript=None))
    for key in ("emotion", "p_sad", "speech_emotion", "transcript", "words", "classifiers"):
        assert line[key] is None


def test_an_empty_timeline_is_an_empty_file(tmp_path):
    assert written(tmp_path / "out.jsonl") == []
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_file_name_that_is_no_utf8_is_still_json(tmp_path, turn):
    (line,) = written(tmp_path / "out.jsonl", turn(recording="caf\udce9.wav"))
    assert line["recording"] == "caf\udce9.wav"
