"""What a transcriber's encoder made of an utterance reaches the scorer, and goes no further."""

from __future__ import annotations

import numpy as np

from monitor.flow import Transcript, Utterance, Word
from monitor.pipeline.following import Provisional
from monitor.pipeline.turns import Lane, TurnMaker
from stser_core.encoding import Encoding


class RecordingScorer:
    name = "default"

    def __init__(self):
        self.scored = []

    def score(self, utterances):
        self.scored += utterances
        return [None] * len(utterances)


def turns_of(*transcripts):
    scorer = RecordingScorer()
    utterance = Utterance(1, 0.0, 1.0, np.zeros(16_000, dtype=np.float32))
    turns = TurnMaker("call.wav", [Lane("customer")], scorer).make([(utterance, one) for one in transcripts])
    return scorer.scored, turns


def test_the_encoding_reaches_the_scorer_with_and_without_words():
    encoding = Encoding("whisper-base", np.ones(4, dtype=np.float32))
    words = (Word("yes", 0.1, 0.3, 0.9),)

    scored, _ = turns_of(Transcript(words, encoding), Transcript((), encoding), Transcript(words), None)

    assert [one.encoding for one in scored] == [encoding, encoding, None, None]
    assert [one.text for one in scored] == ["yes", None, "yes", None]


def test_a_turn_keeps_the_words_and_not_the_encoding():
    words = (Word("yes", 0.1, 0.3, 0.9),)

    _, turns = turns_of(Transcript(words, Encoding("whisper-base", np.ones(4, dtype=np.float32))), None)

    assert turns[0].transcript == Transcript(words)
    assert turns[1].transcript is None


def test_each_channel_has_a_voice_and_an_estimate_does_not_teach_it():
    scorer = RecordingScorer()
    maker = TurnMaker("call.wav", [Lane("customer"), Lane("agent")], scorer)
    silence = np.zeros(16_000, dtype=np.float32)

    maker.make([(Utterance(1, 0.0, 1.0, silence), None), (Utterance(2, 1.0, 2.0, silence), None)])
    maker.make([(Utterance(1, 2.0, 3.0, silence), None)])
    scorer.score = lambda utterances: scorer.scored.extend(utterances) or [None]
    maker.estimate(Provisional(1, 4.0, silence, ""))

    customer, agent, again, estimate = (spoken.voice for spoken in scorer.scored)
    assert customer is again
    assert customer is not agent
    assert estimate is not None
    assert estimate is not customer


def test_speakers_who_share_a_channel_have_each_a_voice_and_a_name():
    scorer = RecordingScorer()
    maker = TurnMaker("call.wav", [Lane("speaker1")], scorer, {0.0: "speaker1", 1.0: "speaker2", 2.0: "speaker1"})
    silence = np.zeros(16_000, dtype=np.float32)

    turns = maker.make([(Utterance(1, start, start + 1, silence), None) for start in (0.0, 1.0, 2.0)])

    first, other, again = (spoken.voice for spoken in scorer.scored)
    assert first is again
    assert first is not other
    assert [turn.speaker for turn in turns] == ["speaker1", "speaker2", "speaker1"]
