"""Vosk's Korean model transcribes German speech: which words does not matter here, but that they are timed, complete
and repeatable."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monitor.transcribers import vosk
from monitor.transcribers.vosk import VoskTranscriber
from stser_core.audio import load_mono
from stser_core.errors import TranscriberError

CLIPS = ("03a02Nc", "08a01Wa", "14a01Na")
PAUSE = np.zeros(3 * 16_000, np.float32)


@pytest.fixture(scope="module")
def transcriber(vosk_model):
    return VoskTranscriber(vosk_model)


@pytest.fixture(scope="module")
def clips(data):
    return [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]


def transcribed(transcriber, samples, start_s=0.0, piece=1600):
    stream = transcriber.listen(start_s)
    for start in range(0, len(samples), piece):
        stream.feed(samples[start : start + piece])
    return stream.finish()


def test_there_are_words_while_the_speech_goes_on_timed_from_the_start_of_the_recording(transcriber, clips):
    stream = transcriber.listen(100.0)
    stream.feed(clips[0])
    assert stream.partial()
    words = stream.finish().words
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert 100 <= edges[0] < edges[-1] <= 100 + len(clips[0]) / 16_000
    assert all(0 < word.confidence <= 1 for word in words)


@pytest.mark.slow
def test_words_depend_neither_on_how_the_sound_is_cut_nor_on_other_streams(transcriber, clips):
    alone = [transcribed(transcriber, clip) for clip in clips]
    assert all(transcribed(transcriber, clips[0], piece=piece) == alone[0] for piece in (480, 4_800, 1_000_000))
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda clip: transcribed(transcriber, clip), clips))
    assert together == alone
    assert len({transcript.text for transcript in alone}) == len(clips)


@pytest.mark.slow
def test_words_do_not_depend_on_what_the_thread_transcribed_before(transcriber, vosk_model, clips):
    fresh = transcribed(VoskTranscriber(vosk_model), clips[0], start_s=100.0)
    for before in (clips[2], PAUSE[:0], np.concatenate([clips[1], PAUSE])):
        transcribed(transcriber, before)
        transcriber.listen(0.0).feed(clips[1])  # never finished
        assert transcribed(transcriber, clips[0], start_s=100.0) == fresh


@pytest.mark.slow
def test_a_thread_keeps_its_decoder_until_it_has_decoded_for_long(vosk_model, clips, monkeypatch):
    monkeypatch.setattr(vosk, "_KEPT_FOR", len(clips[0]) + 1)
    transcriber, created = VoskTranscriber(vosk_model), []
    create = transcriber._recognizer
    transcriber._recognizer = lambda *settings: created.append(settings) or create(*settings)

    assert [transcribed(transcriber, clip) and len(created) for clip in clips] == [0, 0, 1]


def test_what_an_interruption_leaves_half_made_is_deleted_without_a_traceback(transcriber, monkeypatch):
    import vosk as library

    found = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    for kind in (library.Model, library.KaldiRecognizer):
        kind.__new__(kind)
    assert found == []


@pytest.mark.slow
def test_threads_that_share_decoders_make_no_more_than_work_at_once(vosk_model, clips):
    transcriber = VoskTranscriber(vosk_model)
    alone = [transcribed(transcriber, clip).text for clip in clips]
    transcriber.share_decoders()
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda clip: transcribed(transcriber, clip).text, clips * 3))
    created = []
    transcriber._recognizer = created.append
    for clip, text in zip(clips, alone, strict=True):
        with ThreadPoolExecutor(1) as thread:  # a new one each time
            assert thread.submit(transcribed, transcriber, clip).result().text == text
    assert together == alone * 3
    assert created == []


@pytest.mark.slow
def test_nothing_is_lost_where_vosk_itself_sees_an_end(transcriber, clips):
    words = transcribed(transcriber, np.concatenate([clips[0], PAUSE, clips[1], PAUSE])).words
    first, second = len(clips[0]) / 16_000, (len(clips[0]) + len(PAUSE)) / 16_000
    assert any(word.end_s <= first for word in words) and any(word.start_s >= second for word in words)


def test_where_nothing_is_said_nothing_is_recognised(transcriber):
    for samples in (PAUSE[:0], PAUSE[:16_000], np.full(160, 0.5, np.float32)):
        assert transcribed(transcriber, samples).words == ()


def test_a_folder_without_a_whole_model_is_refused(tmp_path):
    for name in (None, "am/final.mdl", "conf/mfcc.conf"):  # it is empty, half a model, and a broken one
        if name is not None:
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).touch()
        with pytest.raises(TranscriberError, match=tmp_path.name):
            VoskTranscriber(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="links are a privilege on Windows")
@pytest.mark.parametrize("missing", ["graph/HCLr.fst", "ivector/final.ie"])
def test_a_model_that_lacks_a_file_is_refused_before_anything_is_transcribed(vosk_model, tmp_path, missing):
    for path in vosk_model.rglob("*"):
        name = path.relative_to(vosk_model)
        if path.is_file() and str(name) != missing:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).symlink_to(path)
    with pytest.raises(TranscriberError, match=tmp_path.name):
        VoskTranscriber(tmp_path)
