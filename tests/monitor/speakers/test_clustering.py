from itertools import cycle

import numpy as np
import pytest

from monitor.speakers.diarization import cluster
from monitor.speakers.embeddings import SpeakerEmbedding


def embeddings(pattern, spread=0.5, frames=200):
    """One embedding for each letter, the same letters alike but for their length; a blank for one without."""
    random = np.random.default_rng(0)
    people = {letter: random.normal(size=64) for letter in "abc"}
    return [
        None
        if letter == " "
        else SpeakerEmbedding((people[letter] + spread * random.normal(size=64)).astype(np.float32) * length, frames)
        for letter, length in zip(pattern, cycle((1, 9, 0.1, 3)), strict=False)
    ]


@pytest.mark.parametrize(
    ("pattern", "count", "expected"),
    [
        ("abab", 2, [0, 1, 0, 1]),
        ("bbba", 2, [0, 0, 0, 1]),
        ("cabbac", 3, [0, 1, 2, 2, 1, 0]),
        ("ab a", 2, [0, 1, 1, 0]),
        (" ab", 2, [0, 0, 1]),
        ("a", 2, [0]),
        ("", 2, []),
        ("  ", 2, [0, 0]),
    ],
)
def test_similar_embeddings_are_the_same_speaker_in_the_order_of_appearance(pattern, count, expected):
    assert cluster(embeddings(pattern), count) == expected


def test_a_short_strange_utterance_makes_no_speaker_of_its_own():
    strange = SpeakerEmbedding(np.random.default_rng(9).normal(size=64).astype(np.float32), 20)
    found = cluster([*embeddings("abab"), strange], 2)
    assert found[:4] == [0, 1, 0, 1]
    assert found[4] in (0, 1)
