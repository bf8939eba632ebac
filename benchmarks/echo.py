"""Echoes between the channels of a call: how much of them becomes turns, and what speech is lost for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle, islice, product
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.material import PROJECT
from benchmarks.running import cost
from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechEnded
from monitor.segmenter.segmenter import Segmenter
from stser_core.audio import load_mono

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.material import Material

    Sound = NDArray[np.float32]
    Times = NDArray[np.bool_]

_GAINS_DB = (-15, -20, -25, -30, -35, -40)
_DELAYS_S = (0.0, 0.06, 0.15, 0.3)
_BANDS = ((300, 3400), (200, 2000), (500, 3000))
_SECONDS = 60
_STEP = SAMPLE_RATE // 100


@dataclass(frozen=True)
class Call:
    """Two parties; what is said on each channel, and the same with the second one's echo on the first."""

    clean: Sound
    echoing: Sound
    delay_s: float


def measure(material: Material) -> list[Figure]:
    """Segment calls with echoes of every level and delay."""
    clips = [load_mono(path) for path in sorted((PROJECT / "tests" / "data" / "emodb").rglob("*.flac"))]
    count = 6 if material.quick else 24
    conditions = zip(cycle(_GAINS_DB), cycle(product(_DELAYS_S, _BANDS)), strict=False)
    calls = [_call(seed, clips, *one) for seed, one in enumerate(islice(conditions, count))]
    total: Counter[str] = Counter()
    for call in calls:
        total += _counted(call)
    against = f"{count} calls of {_SECONDS} s, echoes of -15 to -40 dB, 0 to 300 ms late, band-limited"
    without = cost(lambda: [_turns(one.clean) for one in calls]).cpu_s
    with_echo = cost(lambda: [_turns(one.echoing) for one in calls]).cpu_s
    return [
        Figure("echo", "time with echo alone in turns", 100 * total["echo in turns"] / total["echo"], "%", against, 5),
        Figure("echo", "speech lost", 100 * total["speech lost"] / total["speech"], "%", "than without echo", 2),
        Figure("echo", "double talk lost", 100 * total["both lost"] / max(1, total["both"]), "%", "both speak"),
        Figure("echo", "CPU of the segmenter with echo / without", with_echo / without, "×", "the same calls"),
    ]


def _call(seed: int, clips: list[Sound], gain_db: float, line: tuple[float, tuple[int, int]]) -> Call:
    """The parties speak in turn and at times both, over a little noise."""
    rng = np.random.default_rng(seed)
    length, at, party = _SECONDS * SAMPLE_RATE, SAMPLE_RATE, 0
    clean = np.zeros((2, length), dtype=np.float32)
    while True:
        clip = clips[rng.integers(len(clips))]
        if at + len(clip) > length:
            break
        clean[party, at : at + len(clip)] += clip * (0.07 / np.sqrt(np.mean(clip**2)))
        at += len(clip) + round(SAMPLE_RATE * (rng.uniform(-0.8, -0.3) if rng.random() < 0.25 else rng.uniform(0.2, 1)))
        party = 1 - party if rng.random() < 0.7 else party
    delay_s, (low, high) = line
    spectrum, hertz = np.fft.rfft(clean[1]), np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    echo = np.roll(np.fft.irfft(spectrum * ((hertz > low) & (hertz < high)), length), round(delay_s * SAMPLE_RATE))
    echo *= 10 ** (gain_db / 20) * np.sqrt(np.mean(clean[1] ** 2) / np.mean(echo**2))
    clean += rng.normal(0, 10 ** (-65 / 20), clean.shape).astype(np.float32)
    return Call(clean, clean + np.stack([echo, 0 * echo]).astype(np.float32), delay_s)


def _counted(call: Call) -> Counter[str]:
    """Hundredths of a second on the first channel; somebody speaks where the clean call has a turn."""
    own, other = _turns(call.clean)
    found, _ = _turns(call.echoing)
    late = np.roll(other, round(100 * call.delay_s))
    away = ~np.convolve(own, np.ones(71), "same").astype(bool)  # not within 0.35 s of what is said
    return Counter(
        {
            "echo": int((late & away).sum()),
            "echo in turns": int((late & away & found).sum()),
            "speech": int(own.sum()),
            "speech lost": int((own & ~found).sum()),
            "both": int((own & late).sum()),
            "both lost": int((own & late & ~found).sum()),
        }
    )


def _turns(sound: Sound) -> list[Times]:
    """For each channel, whether each hundredth of a second lies in a turn."""
    segmenter = Segmenter(len(sound))
    size = SAMPLE_RATE // 10
    blocks = (AudioBlock(start, sound[:, start : start + size]) for start in range(0, sound.shape[1], size))
    events = [event for block in blocks for event in segmenter.feed(block)] + segmenter.flush()
    turns = [np.zeros(sound.shape[1] // _STEP, dtype=bool) for _ in sound]
    for event in events:
        if isinstance(event, SpeechEnded):
            one = event.utterance
            turns[one.channel - 1][round(100 * one.start_s) : round(100 * one.end_s)] = True
    return turns
