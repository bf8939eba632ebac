"""Music and tones are told from speech."""

import numpy as np
import pytest

from monitor.flow import SAMPLE_RATE
from monitor.pipeline.music import is_music
from stser_core.audio import load_mono

SECONDS = 60
TIME = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def note(number, seconds, fade=1.0):
    """A note of eight harmonics that dies away."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((number - 69) / 12)
    tones = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.2 for k in range(1, 9) if hertz * k < 7_500)
    return tones * np.exp(-fade * time) * np.minimum(1, time / 0.01)


def piece(notes):
    """Notes [start in seconds, number, seconds] together, over a little noise."""
    sound = np.random.default_rng(1).normal(0, 0.002, SECONDS * SAMPLE_RATE)
    for start, number, seconds in notes:
        at = round(start * SAMPLE_RATE)
        played = note(number, seconds)[: len(sound) - at]
        sound[at : at + len(played)] += played
    return (sound * 0.1).astype(np.float32)


def chords():
    return piece([(bar * 2.4, number, 2.4) for bar in range(25) for number in [(60, 64, 67), (57, 60, 64)][bar % 2]])


def melody_with_drums():
    rng = np.random.default_rng(2)
    scale = (60, 62, 64, 65, 67, 69, 71, 72)
    sound = piece([(beat * 0.5, rng.choice(scale), 0.5) for beat in range(120)])
    for beat in range(0, 120, 2):
        at = beat * SAMPLE_RATE // 2
        sound[at : at + 2_400] += (0.1 * rng.normal(size=2_400) * np.exp(-np.arange(2_400) / 400)).astype(np.float32)
    return sound


def ringing():
    tones = np.sin(2 * np.pi * 440 * TIME) + np.sin(2 * np.pi * 480 * TIME)
    return (0.1 * tones * (TIME % 6 < 2) + np.random.default_rng(1).normal(0, 0.0005, len(TIME))).astype(np.float32)


def plucked():
    """Broken chords on strings (Karplus and Strong, 1983)."""
    rng, sound = np.random.default_rng(3), np.zeros(SECONDS * SAMPLE_RATE)
    for beat in range(4 * SECONDS):
        period = round(SAMPLE_RATE / (110 * 2 ** ([0, 7, 12, 16, 19, 16, 12, 7][beat % 8] / 12)))
        string = [rng.uniform(-1, 1, period)]
        for _ in range(SAMPLE_RATE // period):
            string.append(0.498 * (string[-1] + np.roll(string[-1], 1)))
        played, at = np.concatenate(string), beat * SAMPLE_RATE // 4
        sound[at : at + len(played)] += played[: len(sound) - at]
    return (0.1 * sound).astype(np.float32)


def ensemble():
    """Chords of strings, four to a part, each with a vibrato of its own."""
    rng = np.random.default_rng(4)
    sound = rng.normal(0, 0.02, len(TIME))
    for part in range(12):
        numbers = np.array([(57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62)])[:, part % 3]
        hertz = 440 * 2 ** ((numbers[(TIME / 2).astype(int) % 4] - 69) / 12) * (1 + rng.normal(0, 0.002))
        vibrato = 1 + 0.004 * np.sin(2 * np.pi * rng.uniform(4.5, 6) * TIME)
        phase = 2 * np.pi * np.cumsum(hertz * vibrato) / SAMPLE_RATE
        sound += sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.03 * sound).astype(np.float32)


@pytest.mark.parametrize("sound", [chords, melody_with_drums, ringing, plucked, ensemble])
def test_a_minute_of_music_is_music(sound):
    turns = sound().reshape(10, -1)[:, : 2 * SAMPLE_RATE]
    assert sum(map(is_music, turns)) >= 9


def test_speech_is_not_music(data):
    clips = [load_mono(path) for path in sorted((data / "emodb").glob("*.flac"))]
    call = load_mono(data / "calls" / "auto_repair_call_8k_mono.wav")
    for turn in (*clips, *np.array_split(call, 60)):
        assert not is_music(turn)
        assert not is_music(with_hum(turn))


def with_hum(turn):
    """Speech with the mains' hum, of which a codec has kept nothing above 2 kHz."""
    turn = turn + 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(turn)) / SAMPLE_RATE)
    spectrum = np.fft.rfft(turn)
    spectrum[len(spectrum) // 4 :] = 0
    return np.fft.irfft(spectrum, len(turn)).astype(np.float32)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(SAMPLE_RATE), np.full(SAMPLE_RATE, 0.3)])
def test_odd_sounds_are_not_music(samples):
    assert not is_music(samples.astype(np.float32))
