import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.flow import Transcript, Word
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Mark
from monitor.timeline.turn import COLUMNS, Turn
from stser_core.errors import DataError, StserError
from stser_core.scores import EmotionScores

HEADER = ",".join(COLUMNS)
ROW = (
    "call.wav,1,customer,1,1.000,2.500,angry,0.5000,0.5000,0.0833,0.2767,0.1400,angry,,,"
    "where is it,0.9000,-23.4,0,compact"
)

seconds = st.floats(0, 1e6)
shares = st.floats(0, 1)
probabilities = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(
    lambda weights: tuple(weight / sum(weights) for weight in weights)
)
scores = st.builds(
    EmotionScores,
    by_classifier=st.dictionaries(st.sampled_from(["speech", "text", "bimodal", "whisper"]), probabilities),
    ensemble=probabilities,
)


def turns_saying(texts):
    words = st.builds(Word, text=texts, start_s=seconds, end_s=seconds, confidence=shares)
    return st.builds(
        Turn.of,
        recording=texts,
        channel=st.integers(1, 9),
        speaker=texts,
        turn=st.integers(1, 10**6),
        start_s=seconds,
        end_s=st.floats(1e6, 2e6),
        scores=st.none() | scores,
        transcript=st.none() | st.builds(Transcript, st.lists(words, max_size=3).map(tuple)),
        loudness_dbfs=st.floats(-100, 10) | st.just(-float("inf")),
        dropped_ms=st.integers(0, 10**6),
        checkpoint=texts,
    )


# Surrogates come from file names that are not UTF-8, and are written as visible escapes.
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
formulas = st.text("'=+-@\t\r1", max_size=4)
turns = turns_saying(texts | formulas)
turns_on_one_line = turns_saying(st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12))


def timelines(turns, **sizes):
    return st.lists(turns, unique_by=lambda turn: (turn.recording, turn.turn), **sizes)


@pytest.fixture
def read(tmp_path):
    """Read a file of this content."""

    def read(content, name="call.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_timeline(tmp_path / name)

    return read


@given(timelines(turns, max_size=4))
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_any_timeline_reads_back(write_timeline, tmp_path_factory, ending, timeline):
    file = read_timeline(write_timeline(tmp_path_factory.mktemp("read") / f"call{ending}", *timeline))
    kept = timeline if ending == ".jsonl" else [replace(turn, words=None, classifiers=None) for turn in timeline]
    assert (list(file.turns), file.notes, file.notices) == (kept, (), ())


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts, st.lists), st.sampled_from(COLUMNS)
)
def test_any_value_in_json_is_refused_in_a_sentence(tmp_path_factory, value, column):
    values = {**dict.fromkeys(COLUMNS), "channel": 1, "turn": 1, "dropped_ms": 0, "start_s": 0, "end_s": 1}
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_text(json.dumps({**values, column: value}) + "\n")
    try:
        read_timeline(path)
    except StserError as error:
        assert str(path) in str(error)
        assert str(error).endswith(".")
        assert "\n" not in str(error).replace("\\n", "")


@given(timelines(turns_on_one_line, min_size=2, max_size=3), st.data())
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_kill_costs_at_most_the_turn_that_was_being_written(write_timeline, tmp_path_factory, ending, timeline, data):
    path = write_timeline(tmp_path_factory.mktemp("killed") / f"call{ending}", *timeline)
    content = path.read_bytes()
    before = write_timeline(path.with_name(f"before{ending}"), *timeline[:-1]).read_bytes()
    path.write_bytes(content[: data.draw(st.integers(len(before) + 1, len(content) - 1))])
    whole = read_timeline(write_timeline(path.with_name(f"whole{ending}"), *timeline)).turns
    file = read_timeline(path)
    assert file.turns[: len(timeline) - 1] == whole[:-1]
    assert len(file.turns) == len(timeline) or "breaks off" in file.notices[0]


def test_a_whole_last_line_without_a_line_end_is_kept(read):
    assert read(HEADER).turns == ()
    file = read(f"{HEADER}\n{ROW}")
    assert [row.checkpoint for row in file.turns] == ["compact"]
    assert file.notices == ()


@pytest.mark.parametrize("last", ["\r", ""])
def test_lines_may_end_in_carriage_returns_alone(read, last):
    second = ROW.replace("wav,1,customer,1,", "wav,1,customer,2,").replace("where is it", '"well,\n""where"""')
    file = read(f"\ufeff{HEADER}\r{ROW}\r{second}{last}")
    assert [row.transcript for row in file.turns] == ["where is it", 'well,\n"where"']
    assert file.notices == ()


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_columns_that_are_not_parted_by_commas_are_told_as_such(read, separator, name):
    with pytest.raises(DataError, match=f"line 1: the columns are separated by {name}; save it again"):
        read(f"\ufeff{HEADER};reviewer\n{ROW};Ann\n".replace(",", separator).replace(";", separator))


def test_further_columns_are_kept(read):
    (row,) = read(f"{HEADER},salient_start_s,reviewer\n{ROW},1.200,'=Ann\n").turns
    assert row.extra == {"salient_start_s": 1.2, "reviewer": "=Ann"}
    assert tuple(row.values()) == COLUMNS


def test_further_keys_even_one_called_type_and_notes_are_kept(read, tmp_path, turn, write_timeline):
    values = json.loads(write_timeline(tmp_path / "one.jsonl", turn()).read_text())
    further = {"salience": [0.5, 0.5], "type": "complaint"}
    file = read(json.dumps({**values, **further}) + '\n\n{"type": "mark", "number": 1, "time_s": 2}\n', "a.jsonl")
    assert file.turns[0].extra == further
    assert file.notes == (Mark(1, 2.0),)
    del values["speaker"]
    with pytest.raises(DataError, match="lacks speaker"):
        read(json.dumps({**values, **further}) + "\n", "a.jsonl")


@pytest.mark.parametrize(
    ("text", "expected"), [("'=1+1", "=1+1"), ("'tis", "'tis"), ("'", "'"), ("=1", "=1"), ("'@", "@")]
)
def test_only_what_was_neutralised_loses_its_apostrophe(read, text, expected):
    assert read(f"{HEADER}\n{ROW.replace('where is it', text)}\n").turns[0].transcript == expected


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",1.000,", ",one,", "start_s 'one'"),
        (",1.000,", ",-1.000,", "start_s -1.0"),
        (",1.000,", ",,", "start_s None"),
        (",1.000,", ",3.000,", "end_s 2.5 lies before start_s 3.0"),
        (",1.000,", ",nan,", "start_s 'nan'"),
        ("wav,1,", "wav,0,", "channel 0"),
        ("wav,1,", "wav,1.0,", "channel '1.0'"),
        (",angry,0.5", ",furious,0.5", "emotion 'furious'"),
        (",angry,0.5000,0.5", ",,0.5000,0.5", "are not all there, nor all empty"),
        ("0.2767", "0.9767", "the four probabilities sum to 1.7000, not to 1"),
        ("0.9000", "1.9000", "transcript_confidence 1.9"),
        (",compact", ",compact,more", "21 cells, but the header has 20"),
        ("where is it", '"where" is it', "this is not CSV: ',' expected after"),
        ("where is it", '"where is it', "not CSV: unexpected end of data"),
    ],
)
def test_a_malformed_row_is_refused_with_line_and_reason(read, tmp_path, old, new, reason):
    with pytest.raises(DataError) as refused:
        read(f"{HEADER}\n{ROW}\n{ROW.replace(old, new)}\n")
    assert str(refused.value).startswith(f"'{tmp_path / 'call.csv'}', line 3: ")
    assert reason in str(refused.value)


def test_a_turn_that_comes_twice_is_refused_with_both_lines(read, tmp_path, turn, write_timeline):
    second = ROW.replace("wav,1,customer,1,", "wav,2,agent,2,")
    for end in ("\n", ""):
        with pytest.raises(DataError, match=r"csv', line 4: turn 1 of the same recording is in line 2 already\."):
            read(f"{HEADER}\n{ROW}\n{second}\n{ROW}{end}")
    with pytest.raises(DataError, match=r"line 2: turn 1 of the same recording is in line 1 already\."):
        read_timeline(write_timeline(tmp_path / "twice.jsonl", turn(), turn()))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "", "has no header"),
        ("a.csv", "a,b\n1,2\n", "lacks recording, channel, speaker and 17 more"),
        ("a.csv", HEADER.replace(",speaker", "") + "\n", "lacks speaker"),
        ("a.csv", HEADER + ",turn\n", "names turn more than once"),
        ("a.csv", HEADER.encode() + b"\n\xff\xfe\n", "line 2: this is not UTF-8"),
        ("a.csv", b"RIFF\x00\x00WAVE\n\xf0\n", "not UTF-8"),
        ("a.csv", "dear diary", "line 1"),
        ("a.csv", HEADER[:-4], "line 1"),
        ("a.jsonl", "\n{\n", "line 2: .*not a JSON"),
        ("a.jsonl", "\n" + "[" * 100_000 + "\n", "line 2: .*not a JSON"),
        ("a.jsonl", "\n[]\n", "line 2: .*not a JSON object"),
        ("a.jsonl", '\n{"turn": 1}\n', "line 2: .*lacks recording, channel"),
        ("a.jsonl", "\ndear diary\n", "line 2: .*not a JSON"),
    ],
)
def test_what_is_not_a_timeline_is_refused(read, name, content, reason):
    with pytest.raises(DataError, match=reason):
        read(content, name)


def test_a_file_name_that_is_not_utf8_comes_back_with_its_escape(tmp_path, turn, write_timeline):
    for name in ("call.csv", "call.jsonl"):
        (read,) = read_timeline(write_timeline(tmp_path / name, turn(recording="caf\udce9.wav"))).turns
        assert read.recording == r"caf\udce9.wav"


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(DataError, match=r"Cannot read the timeline '.*gone.csv': No such file or directory\."):
        read_timeline(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="Is a directory"):
        read_timeline(tmp_path)


@pytest.mark.parametrize("end", [",,,,,,,,,,,,,,,,,,,\n", ",,,,,,,,,,,,,,,,,,,\n,,,\n\n", ",,,,,"])
def test_rows_of_commas_that_a_spreadsheet_saves_are_not_turns(read, end):
    file = read(f"{HEADER}\n{ROW}\n{end}")
    assert (len(file.turns), file.notices) == (1, ())


def test_a_turn_of_very_many_words_is_read(read):
    (turn,) = read(f"{HEADER}\n{ROW.replace('where is it', 'word ' * 60_000)}\n").turns
    assert len(turn.transcript.split()) == 60_000
