import numpy as np

from monitor.flow import SAMPLE_RATE
from monitor.pipeline.following import Following


class Counting:
    """Understands one word for each call."""

    def __init__(self):
        self.calls = 0

    def partial(self):
        self.calls += 1
        return " ".join(["word"] * self.calls)


def hear(following, seconds, listening, piece=0.1):
    samples = np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32)
    for start in range(0, len(samples), round(piece * SAMPLE_RATE)):
        following.hear(samples[start : start + round(piece * SAMPLE_RATE)], listening)
    return samples


def test_after_every_second_all_of_it_is_offered():
    offered = []
    following = Following(2, offered.append)
    following.begin(5.0)
    samples = hear(following, 3.45, Counting())
    assert [len(one.samples) / SAMPLE_RATE for one in offered] == [1, 2, 3]
    assert {(one.channel, one.start_s) for one in offered} == {(2, 5.0)}
    assert (offered[-1].samples == samples[: 3 * SAMPLE_RATE]).all()
    assert offered[-1].words.startswith("word word")


def test_words_can_be_read_meanwhile_and_are_asked_for_now_and_then():
    following = Following(1, lambda one: None)
    following.begin(7.0)
    listening = Counting()
    assert following.words == (7.0, "")
    hear(following, 2.0, listening, piece=0.02)
    assert following.words == (7.0, " ".join(["word"] * listening.calls))
    assert 5 <= listening.calls <= 10


def test_the_next_utterance_starts_afresh():
    offered = []
    following = Following(1, offered.append)
    following.begin(0.0)
    hear(following, 1.9, Counting())
    following.end()
    following.begin(4.0)
    assert following.words == (4.0, "")
    hear(following, 0.9, Counting())
    assert len(offered) == 1
