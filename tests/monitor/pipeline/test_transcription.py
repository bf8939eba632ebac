"""What a channel's transcriber thread makes of the segmenter's events while somebody speaks."""

import numpy as np

from monitor.flow import SAMPLE_RATE, SpeechAudio, SpeechEnded, SpeechStarted, Utterance
from monitor.pipeline.transcription import ChannelTranscriber


class Counting:
    """Recognises one word for each call."""

    name = "counting"

    def __init__(self):
        self.calls = 0

    def listen(self, start_s):
        return self

    def feed(self, samples):
        pass

    def partial(self):
        self.calls += 1
        return " ".join(["word"] * self.calls)

    def finish(self):
        return None


def events(start_s, seconds, piece=0.1):
    samples = np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32)
    size = round(piece * SAMPLE_RATE)
    audio = [SpeechAudio(2, samples[start : start + size]) for start in range(0, len(samples), size)]
    return [SpeechStarted(2, start_s), *audio, SpeechEnded(Utterance(2, start_s, start_s + seconds, samples))]


def run(events, offer):
    counting = Counting()
    transcriber = ChannelTranscriber(2, counting, len(events), offer)
    assert all(map(transcriber.put, events))
    transcriber.close()
    transcriber.run()
    return transcriber, counting


def test_after_every_second_all_of_it_is_offered():
    offered = []
    told = events(5.0, 3.45)
    run(told, offered.append)
    assert [len(one.samples) / SAMPLE_RATE for one in offered] == [1, 2, 3]
    assert {(one.channel, one.start_s) for one in offered} == {(2, 5.0)}
    assert (offered[-1].samples == told[-1].utterance.samples[: 3 * SAMPLE_RATE]).all()
    assert offered[-1].words.startswith("word word")


def test_words_can_be_read_meanwhile_and_are_asked_for_now_and_then():
    transcriber, counting = run(events(7.0, 2.0, piece=0.02), lambda one: None)
    assert transcriber.words == (7.0, " ".join(["word"] * counting.calls))
    assert 5 <= counting.calls <= 10


def test_the_next_utterance_starts_afresh():
    offered = []
    run([*events(0.0, 1.9), *events(4.0, 0.9)], offered.append)
    assert [(one.start_s, len(one.samples)) for one in offered] == [(0.0, SAMPLE_RATE)]


def test_what_is_not_transcribed_any_more_is_not_waited_for():
    transcriber = ChannelTranscriber(2, Counting(), 20)
    told = events(0.0, 0.5)
    assert all(map(transcriber.put, told))
    transcriber.cancel()
    assert told[-1].utterance.transcript.cancelled()
    assert not transcriber.put(told[0])
