from monitor.timeline.notes import Alert, Mark
from monitor.timeline.timeline import Recent, TimelineSnapshot, speaker_figures


def test_turns_are_forgotten_but_not_their_figures(turn, surely):
    recent = Recent()
    turns = [
        turn(turn=n, start_s=float(n), end_s=n + 0.5, scores=surely("sad" if n % 4 else "happy")) for n in range(1000)
    ]
    for one in turns:
        recent.add(one)
    heard = recent.snapshot()
    assert 100 < len(heard.turns) < 1000
    assert heard.turns == tuple(turns[-len(heard.turns) :])
    assert heard.figures == speaker_figures(turns)


def test_notes_are_kept_by_kind():
    recent = Recent()
    alert = Alert("angry>0.5", 2.0, 1, "customer", 1, "angry", 0.9)
    recent.add_note(Mark(1, 1.0))
    recent.add_note(alert)
    assert recent.snapshot() == TimelineSnapshot(marks=(Mark(1, 1.0),), alerts=(alert,))


def test_a_snapshot_never_changes(turn):
    recent = Recent()
    before = recent.snapshot()
    recent.add(turn())
    assert before.turns == ()
    assert recent.snapshot() is recent.snapshot()
