from monitor.exporters import Exporter
from monitor.exporters.jsonl import JsonLines
from monitor.timeline.file import read_timeline


def test_json_lines_that_were_read_back_are_written_as_they_were(tmp_path, turn, surely, exported):
    turns = [turn(), turn(turn=2, scores=None), turn(turn=3, scores=surely("sad"), transcript=None)]
    exporter = Exporter(str(tmp_path / "call.jsonl"), JsonLines())
    exporter.begin()
    for each in turns:
        exporter.write(each)
    exporter.close()
    written = (tmp_path / "call.jsonl").read_bytes()
    assert exported("jsonl", *read_timeline(tmp_path / "call.jsonl").turns) == written
    assert exported("jsonl", *turns) == written


def test_what_a_csv_does_not_tell_is_null(exported, row, tmp_path):
    content = exported("jsonl", row(extra={"salient_start_s": 1.2}))
    assert b'"words": null, "classifiers": null, "salient_start_s": 1.2}' in content
    (tmp_path / "call.jsonl").write_bytes(content)
    assert read_timeline(tmp_path / "call.jsonl").turns == (row(extra={"salient_start_s": 1.2}),)
