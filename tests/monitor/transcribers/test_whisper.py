"""Whisper tiny.en transcribes a short conversation, and nothing that nobody said."""

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stser_core.audio import load_mono
from stser_core.errors import MissingExtraError, TranscriberError, UsageError

pytest.importorskip("faster_whisper")
whisper = importlib.import_module("monitor.transcribers.whisper")

RATE = 16_000


@pytest.fixture(scope="module")
def transcriber(whisper_model):
    return whisper.WhisperTranscriber(whisper_model, name="tiny.en")


@pytest.fixture(scope="module")
def conversation(data):
    return load_mono(data / "calls" / "two_speakers_16k_mono.wav")


def transcribed(transcriber, samples, start_s=0.0):
    stream = transcriber.listen(start_s)
    for start in range(0, len(samples), 1600):
        stream.feed(samples[start : start + 1600])
        assert stream.partial() == ""
    return stream.finish()


TIME = np.arange(2 * RATE)
NOISES = {
    "silence": np.zeros(2 * RATE),
    "hiss": np.random.default_rng(0).normal(0, 0.1, 2 * RATE),
    "hum": 0.1 * np.sin(TIME * 2 * np.pi * 50 / RATE),
    "beeps": 0.2 * np.sin(2 * np.pi * (200 + 5000 * np.floor(TIME / 4000)) * TIME / RATE),
}


def test_words_are_timed_from_the_start_of_the_recording(transcriber, conversation):
    transcript = transcribed(transcriber, conversation[: 8 * RATE], start_s=100.0)
    assert "the new conversation transcription" in transcript.text.lower()
    edges = [edge for word in transcript.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert 100 <= edges[0] < edges[-1] <= 108
    assert all(0 < word.confidence <= 1 and word.text == word.text.strip() for word in transcript.words)


def test_the_same_sound_gives_the_same_words_also_side_by_side(transcriber, conversation):
    clips = [conversation[start * RATE : (start + 4) * RATE] for start in (0, 5, 10)]
    alone = [transcribed(transcriber, clip) for clip in clips]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda clip: transcribed(transcriber, clip), clips))
    assert [one.words for one in together] == [one.words for one in alone]
    assert len({transcript.text for transcript in alone}) == len(clips)


@pytest.mark.parametrize("kind", NOISES)
def test_silence_and_noise_have_no_words(transcriber, kind):
    assert transcribed(transcriber, NOISES[kind].astype(np.float32)).text == ""


def test_an_utterance_is_encoded_once(transcriber, conversation, monkeypatch):
    passes, base = [], type(transcriber._model).__mro__[1]
    encode = base.encode
    monkeypatch.setattr(base, "encode", lambda model, features: passes.append(1) or encode(model, features))
    transcribed(transcriber, conversation[: 4 * RATE])
    assert len(passes) == 1


@pytest.mark.slow
def test_no_word_is_lost_where_an_utterance_is_longer_than_whispers_window(transcriber, conversation):
    transcript = transcribed(transcriber, np.concatenate([conversation, conversation]))
    half = len(conversation) / RATE
    first = [word for word in transcript.words if word.end_s <= half]
    second = [word for word in transcript.words if word.start_s >= half]
    assert min(len(first), len(second)) > 0.7 * len(transcript.words) / 2


def test_a_language_that_the_model_does_not_know_is_refused(whisper_model):
    with pytest.raises(UsageError, match="'de'"):
        whisper.WhisperTranscriber(whisper_model, language="de")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("model.bin", None), ("model.bin", b"half"), ("vocabulary.txt", None), ("tokenizer.json", b'{"version')),
        ("preprocessor_config.json", b'{"feature_size": 128}'),  # of large-v3, beside a smaller model
    ],
)
def test_a_damaged_model_is_refused_before_anything_is_transcribed(whisper_model, tmp_path, name, content):
    for path in whisper_model.iterdir():
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TranscriberError, match=tmp_path.name):
        whisper.WhisperTranscriber(tmp_path)


def test_a_gpu_that_cannot_be_used_leaves_it_to_the_processor(whisper_model, monkeypatch):
    def fail(model, features):
        raise RuntimeError("libcublas.so.12 is not found")

    monkeypatch.setattr(whisper, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(whisper._OnePass, "encode", fail)
    assert whisper.WhisperTranscriber(whisper_model)._model.model.device == "cpu"


def spoken(text, start_s, each_s):
    starts = [start_s + place * each_s for place in range(len(text.split()))]
    return [whisper.Word(word, at, at + each_s, 0.9) for word, at in zip(text.split(), starts, strict=True)]


@pytest.mark.parametrize("copies", [2, 3, 4, 5])
def test_words_that_are_repeated_in_no_time_are_dropped(copies):
    """As Whisper tiny.en gives them for a turn of the telephone call in tests/data."""
    said = spoken("What is their number?", 0, 0.2)
    again = [word for copy in range(1, copies) for word in spoken("What is their number?", 1 + 0.1 * copy, 0)]
    assert whisper._without_echo(said + again) == said


@pytest.mark.parametrize("timed", range(5))
def test_of_two_copies_in_the_time_of_one_the_words_keep_their_times(timed):
    """The first copy has the times of so many words, and the second one of the others."""
    before, said = spoken("Hello.", 0, 0.5), spoken("What is their number?", 0.5, 0.2)
    first = said[:timed] + [whisper.Word(word.text, 0.5 + timed / 5, 0.5 + timed / 5, 0.9) for word in said[timed:]]
    second = [whisper.Word(word.text, 0.5 + timed / 5, 0.5 + timed / 5, 0.9) for word in said[:timed]] + said[timed:]
    kept = whisper._without_echo(before + first + second)
    assert [(word.text, word.start_s) for word in kept] == [(word.text, word.start_s) for word in before + said]


@pytest.mark.parametrize(
    ("text", "each_s"), [("What is their number? What is their number?", 0.2), ("No, no, no, no, no, no.", 0.12)]
)
def test_words_that_were_said_twice_stay(text, each_s):
    words = spoken(text, 0, each_s)
    assert whisper._without_echo(words) == words


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    monkeypatch.delitem(sys.modules, "monitor.transcribers.whisper")
    with pytest.raises(MissingExtraError, match=r"\[whisper\]"):
        importlib.import_module("monitor.transcribers.whisper")
