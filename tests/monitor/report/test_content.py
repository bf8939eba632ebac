import pytest

from monitor.report.content import Said, make_report, said
from monitor.report.sound import Sound
from monitor.timeline.notes import Mark
from stser_core.errors import AudioError

ALERT = {
    "type": "alert",
    "rule": "angry>0.6",
    "time_s": 4.0,
    "channel": 1,
    "speaker": "customer",
    "turn": 2,
    "emotion": "angry",
    "probability": 0.7,
}


def test_turns_stand_in_the_order_of_their_starts_on_their_speakers_lane(row, agent):
    report = make_report([row(2, 3.0, 4.0, "sad"), agent(3, 3.5, 6.0), row(1, 0.0, 2.0, "angry")], (), "x")
    assert [(turn.row.turn, turn.lane) for turn in report.turns] == [(1, 0), (2, 0), (3, 1)]
    assert report.title == "call.wav"
    assert report.checkpoints == ("default",)


def test_words_in_the_salient_stretch_are_told_apart(row):
    explained = {"salient_start_s": 1.0, "salient_end_s": 3.0}
    turn = row(1, 0.0, 4.0, "angry", "this is not fair", extra=explained)
    assert said(turn) == (Said("this"), Said("is not", salient=True), Said("fair"))


def test_without_times_of_words_nothing_is_salient(row):
    explained = {"salient_start_s": 0.0, "salient_end_s": 9.0}
    assert said(row(1, 0.0, 4.0, "sad", "not fair", words=None, extra=explained)) == (Said("not fair"),)
    assert said(row(1, 0.0, 4.0, "sad", "not fair")) == (Said("not fair"),)
    assert said(row(1, 0.0, 4.0, "sad", "not fair", extra={**explained, "salient_end_s": "far"})) == (Said("not fair"),)


def test_a_transcript_that_was_corrected_by_hand_is_shown_as_it_is(row):
    turn = row(1, 0.0, 4.0, "sad", "knot fare", extra={"salient_start_s": 0.0, "salient_end_s": 9.0})
    corrected = make_report([turn.__class__(**{**vars(turn), "transcript": "not fair"})], (), "x")
    assert corrected.turns[0].said == (Said("not fair"),)


def test_marks_and_alerts_find_their_places(row):
    notes = [ALERT, {"type": "mark", "number": 1, "time_s": 2.5}]
    report = make_report([row(1, 0.0, 2.0, "sad"), row(2, 3.0, 4.0, "angry")], notes, "x")
    assert make_report([], [{"type": "weather", "sky": "blue"}], "x").entries == ()  # of a newer program
    kinds = [entry.number if isinstance(entry, Mark) else entry.alerts for entry in report.entries]
    assert kinds == [(), 1, ("angry>0.6",)]


def test_a_recording_that_is_shorter_than_its_timeline_is_another_one(row):
    rows = [row(1, 0.0, 2.0, "sad"), row(2, 8.0, 10.0, "sad")]
    with pytest.raises(AudioError, match=r"is 6\.5 s long, but the timeline's last turn ends at 10\.0 s"):
        make_report(rows, (), "x", sound=Sound(b"", 6.5))
    assert make_report(rows, (), "x", sound=Sound(b"", 9.8)).call.duration_s == 10.0
    assert make_report(rows, (), "x", sound=Sound(b"", 14.0)).call.silence.total_s == 10.0
