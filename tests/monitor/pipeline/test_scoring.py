"""From utterances to turns: what the scorer is given, and whose baseline."""

import numpy as np
import torch
from staged import FakeScorer

from monitor.flow import Transcript, Utterance, Word
from monitor.pipeline.scoring import Scoring
from monitor.pipeline.transcription import PartialUtterance
from monitor.roles import Role
from monitor.timeline.turn import MUSIC

SILENCE = np.zeros(16_000, dtype=np.float32)


def utterance(channel, start_s, transcript=None, samples=SILENCE):
    one = Utterance(channel, start_s, start_s + 1, samples)
    one.transcript.set_result(transcript)
    return one


def test_the_words_reach_the_scorer_and_the_turn():
    words = (Word("yes", 0.1, 0.3, 0.9),)
    scorer, transcripts = FakeScorer(), (Transcript(words), Transcript(()), None)
    turns = Scoring("call.wav", [Role("customer")], scorer).make([utterance(1, 0.0, one) for one in transcripts])

    assert [(one.text, one.text_confidence) for one in scorer.scored] == [("yes", 0.9), (None, None), (None, None)]
    assert [turn.words for turn in turns] == [words, (), None]


def test_each_channel_has_a_baseline_and_an_estimate_does_not_change_it():
    scorer = FakeScorer()
    maker = Scoring("call.wav", [Role("customer"), Role("agent")], scorer)

    maker.make([utterance(1, 0.0), utterance(2, 1.0)])
    maker.make([utterance(1, 2.0)])
    maker.estimate(PartialUtterance(1, 4.0, SILENCE, ""))

    customer, agent, again, estimate = (one.speaker for one in scorer.scored)
    assert customer is again
    assert customer is not agent
    estimate.update(torch.ones(3), 1.0, 10.0)
    assert customer.weight == 0
    customer.update(torch.ones(3), 1.0, 10.0)
    assert torch.equal(estimate.mean(torch.zeros(3), 1.0), customer.mean(torch.zeros(3), 1.0))


def test_speakers_who_share_a_channel_have_each_a_baseline_and_a_name():
    scorer = FakeScorer()
    maker = Scoring("call.wav", [Role("speaker1")], scorer, lambda one: "speaker2" if one.start_s == 1 else "speaker1")

    turns = maker.make([utterance(1, start_s) for start_s in (0.0, 1.0, 2.0)])

    first, other, again = (one.speaker for one in scorer.scored)
    assert first is again
    assert first is not other
    assert [turn.speaker for turn in turns] == ["speaker1", "speaker2", "speaker1"]


def test_a_turn_that_is_music_says_so_and_is_not_scored():
    scorer, tone = FakeScorer(), np.sin(np.arange(16_000) / 9).astype(np.float32)
    maker = Scoring("call.wav", [Role("customer")], scorer)
    speech, music = maker.make([utterance(1, 0.0), utterance(1, 1.0, samples=tone)])
    assert (music.transcript, music.emotion, music.probabilities) == (MUSIC, None, None)
    assert (speech.emotion, len(scorer.scored)) == ("sad", 1)
    assert maker.estimate(PartialUtterance(1, 4.0, tone, "")) is None
