import pytest

from monitor.report.content import Said, make_report, said
from monitor.report.sound import Sound
from monitor.timeline.notes import Mark
from stser_core.errors import AudioError


def test_turns_marks_and_alerts_stand_in_the_order_of_their_times(row, agent, alert_note):
    rows = [row(2, 3.0, 4.0, "angry"), agent(3, 3.5, 6.0), row(1, 0.0, 2.0, "sad")]
    notes = [Mark(1, 1.5), alert_note(turn=2)]
    assert [
        entry.number if isinstance(entry, Mark) else (entry.row.turn, entry.lane, entry.alerts)
        for entry in make_report(rows, notes, "x").entries
    ] == [(1, 0, ()), 1, (2, 0, ("angry>0.4",)), (3, 1, ())]


@pytest.mark.parametrize(
    "changes",
    [
        {"words": None},
        {"extra": {}},
        {"extra": {"salient_start_s": 0.0, "salient_end_s": "far"}},
        {"transcript": "not fair", "said": "knot fare"},
    ],
    ids=["no times of words", "not explained", "no number", "corrected by hand"],
)
def test_where_it_is_not_known_which_words_are_salient_they_are_shown_as_they_are(row, changes):
    explained = {"salient_start_s": 0.0, "salient_end_s": 9.0}
    assert said(row(1, 0.0, 4.0, "sad", **{"said": "not fair", "extra": explained, **changes})) == (Said("not fair"),)


def test_a_recording_that_is_shorter_than_its_timeline_is_another_one(row):
    rows = [row(1, 0.0, 2.0, "sad"), row(2, 8.0, 10.0, "sad")]
    with pytest.raises(AudioError, match=r"is 6\.5 s long, but the timeline's last turn ends at 10\.0 s"):
        make_report(rows, (), "x", sound=Sound(b"", 6.5))
    assert make_report(rows, (), "x", sound=Sound(b"", 9.8)).call.duration_s == 10.0
    assert make_report(rows, (), "x", sound=Sound(b"", 14.0)).call.silence.total_s == 10.0
