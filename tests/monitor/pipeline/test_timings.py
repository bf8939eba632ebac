from monitor.pipeline.timings import Timings


def test_the_table_is_in_milliseconds():
    timings = Timings()
    for late in (0.0, 0.0, 1.0):
        timings.add(0.0, 0.5, 0.5, 0.6, 0.62, 0.63 + late)
    rows = {line[:24].strip(): [int(cell) for cell in line[24:].split()] for line in timings.lines()[1:]}
    assert timings.lines()[0].split() == ["milliseconds", "(3", "turns)", "p50", "p95", "max"]
    assert rows == {
        "endpoint silence": [500, 500, 500],
        "waiting": [0, 0, 0],
        "transcript": [100, 100, 100],
        "scoring": [20, 20, 20],
        "writing": [10, 1010, 1010],
        "after the endpoint": [130, 1130, 1130],
        "last sound to row": [630, 1630, 1630],
    }
