from monitor.timeline.timeline import Timeline


def test_turns_are_forgotten_but_not_their_totals(turn, surely):
    timeline, everything = Timeline(100), Timeline()
    turns = [
        turn(turn=n, start_s=float(n), end_s=n + 0.5, scores=surely("sad" if n % 4 else "happy")) for n in range(300)
    ]
    for one in turns:
        timeline.add(one)
        everything.add(one)
    assert timeline.snapshot().turns == tuple(turns[-100:])
    assert timeline.snapshot().totals == everything.snapshot().totals
