from monitor.timeline.notes import Alert, Mark
from monitor.timeline.timeline import Timeline, TimelineSnapshot


def speaker_totals(turns):
    timeline = Timeline()
    for turn in turns:
        timeline.add(turn)
    return timeline.snapshot().totals


def test_turns_are_forgotten_but_not_their_totals(turn, surely):
    timeline = Timeline(100)
    turns = [
        turn(turn=n, start_s=float(n), end_s=n + 0.5, scores=surely("sad" if n % 4 else "happy")) for n in range(300)
    ]
    for one in turns:
        timeline.add(one)
    assert timeline.snapshot().turns == tuple(turns[-100:])
    assert timeline.snapshot().totals == speaker_totals(turns)


def test_turns_without_scores_count_as_talk_but_not_as_emotion(turn, surely):
    turns = [
        turn(channel=2, speaker="agent", start_s=0.0, end_s=3.0, scores=None),
        turn(channel=1, speaker="customer", start_s=4.0, end_s=5.0, scores=surely("angry")),
        turn(channel=1, speaker="customer", start_s=6.0, end_s=9.0, scores=None),
    ]
    customer, agent = speaker_totals(turns)
    assert (customer.speaker, agent.speaker) == ("customer", "agent")
    assert (customer.talk_s, customer.seconds) == (4.0, (1.0, 0.0, 0.0, 0.0))
    assert customer.shares == (1.0, 0.0, 0.0, 0.0)
    assert agent.shares is None


def test_notes_are_kept_by_kind():
    timeline = Timeline()
    alert = Alert("angry>0.5", 2.0, 1, "customer", 1, "angry", 0.9)
    timeline.add_note(Mark(1, 1.0))
    timeline.add_note(alert)
    assert timeline.snapshot() == TimelineSnapshot(marks=(Mark(1, 1.0),), alerts=(alert,))
