"""Encodings on disk: made once, and the same again."""

from __future__ import annotations

import numpy as np
import pytest

from stser_core.encoding import pooled
from stser_core.errors import DataError, OutputError
from stser_core.features import FeatureSettings
from stser_core.training.clip import Clip
from stser_core.training.members.cache import EncodingCache, Versions
from stser_core.training.sound_cache import SoundCache


class Spectrum:
    """The loudness in eight bands; counts how often it is asked."""

    name = "spectrum"

    def __init__(self, key="spectrum 1", breaks_after=10_000):
        self.key = key
        self.asked = 0
        self.breaks_after = breaks_after

    def vector(self, samples):
        return pooled(self.frames(samples))

    def frames(self, samples):
        if self.asked == self.breaks_after:
            raise KeyboardInterrupt
        self.asked += 1
        bands = np.array_split(np.abs(np.fft.rfft(samples)), 8)
        return np.log([[band.mean() + 1e-3 for band in bands]]).astype(np.float32)


@pytest.fixture
def sounds(tones, tmp_path):
    return SoundCache.of(tones, tmp_path, FeatureSettings())


def test_every_sound_is_encoded_once(tones, sounds, tmp_path):
    first, second = Spectrum(), Spectrum()

    made = EncodingCache(first, tmp_path).of(tones, sounds, Versions(copies=2))
    again = EncodingCache(second, tmp_path).of(tones, sounds, Versions(copies=2))

    assert made.shape == (3, len(tones), 16)
    assert np.array_equal(made, again)
    assert (first.asked, second.asked) == (3 * len(tones), 0)
    assert np.array_equal(made[0, 5], pooled(Spectrum().frames(sounds.samples(tones[5]))))
    assert not np.array_equal(made[1], made[2])


def test_the_frames_are_kept_too(tones, sounds, tmp_path):
    first, second = Spectrum(), Spectrum()

    made = EncodingCache(first, tmp_path).frames(tones, sounds)
    again = EncodingCache(second, tmp_path).frames(tones, sounds)

    assert (first.asked, second.asked) == (len(tones), 0)
    assert [one.shape for one in made] == [(1, 8)] * len(tones)
    assert all(np.array_equal(*both) for both in zip(made, again, strict=True))
    assert np.array_equal(made[5], Spectrum().frames(sounds.samples(tones[5])).astype(np.float16))


def test_more_copies_keep_those_that_there_are(tones, sounds, tmp_path):
    one = EncodingCache(Spectrum(), tmp_path).of(tones, sounds, Versions(copies=1))
    more = Spectrum()

    two = EncodingCache(more, tmp_path).of(tones, sounds, Versions(copies=2))

    assert np.array_equal(two[:2], one)
    assert more.asked == len(tones)


def test_what_was_encoded_before_an_interruption_stays(tones, sounds, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        EncodingCache(Spectrum(breaks_after=10), tmp_path).of(tones, sounds)
    rest = Spectrum()

    EncodingCache(rest, tmp_path).of(tones, sounds)

    assert rest.asked == len(tones) - 10


def test_another_encoder_is_kept_apart(tones, sounds, tmp_path):
    EncodingCache(Spectrum(), tmp_path).of(tones, sounds)
    other = Spectrum("spectrum 2")

    EncodingCache(other, tmp_path).of(tones, sounds)

    assert other.asked == len(tones)


def test_a_single_utterance_shares_what_is_kept(tones, sounds, tmp_path):
    encoder = Spectrum()
    cache = EncodingCache(encoder, tmp_path)
    vectors = cache.of(tones, sounds)[0]

    encoding = cache.encoding(sounds.samples(tones[3]))

    assert encoding.encoder == "spectrum"
    assert np.array_equal(encoding.vector, vectors[3])
    assert encoder.asked == len(tones)


def test_clips_without_sound_are_refused(sounds, tmp_path):
    words = Clip("one/1", None, "hello", "angry", "a", None, None, None, "one", None)

    with pytest.raises(DataError, match="1 of 1 clips have no sound"):
        EncodingCache(Spectrum(), tmp_path).of([words], sounds)


def test_a_cache_that_cannot_be_written(tones, sounds, tmp_path):
    (tmp_path / "encodings").write_text("a file")

    with pytest.raises(OutputError, match="cannot be kept"):
        EncodingCache(Spectrum(), tmp_path).of(tones, sounds)
