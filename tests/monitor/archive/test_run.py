"""How far, how fast and how long still."""

from monitor.archive.run import Progress
from monitor.archive.scoring import Failed, Finished, Scored


def test_rate_and_time_left_are_those_of_this_run():
    clock = [100.0]
    progress = Progress(5, 4, now=lambda: clock[0])
    clock[0] += 5
    assert progress.line() == "1 of 5 recordings, 0.00 h scored, 0 times real time"

    clock[0] += 5
    progress.count(Scored(Finished("a.wav", 1, 1, 1_000.0, 1_000.0), ()))
    progress.count(Failed("b.wav", "It is empty."))
    assert progress.line() == "3 of 5 recordings, 1 failed, 0.28 h scored, 100 times real time, 0:10 left"
