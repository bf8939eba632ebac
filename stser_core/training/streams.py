"""Call-like streams: the recognizer's results on the turns of a call, one after the other.

A stream is drawn, by a seed, from the clips of one speaker: mostly neutral, neutral all along, one emotion all along,
or even. Its turns are scored in order with one running speaker baseline, as the monitor does. Routine calls, in which
nothing emotional happens, are scored turn by turn; and acted clips are laid into the pauses of such calls, over the
calls' own line, which shows whether the model has learnt the line instead of the emotion.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torchaudio import functional

from stser_core.config import SAMPLE_RATE
from stser_core.emotions import LABELS
from stser_core.features import trim
from stser_core.scores import EmotionScores, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.training.caches import BANDS, Band
from stser_core.training.clip import Clip
from stser_core.training.evaluation import SpeechInputs
from stser_core.training.metrics import measure
from stser_core.training.output import progress
from stser_core.training.pairs import EMOTIONS, NEUTRAL, Labels, Words, as_recorded
from stser_core.training.routine import Channel
from stser_core.training.telephone_lines import Sound, level, mu_law

SURE = 0.7
"""A turn that is called emotional with more than this is one that a user would act upon."""

_ALERT_TURNS = 2
_FEWEST = 3
_LAID_EVERY = 3
_LAID_ROUNDS = 3
_NARROW_HZ = 4_200


KINDS: Mapping[str, tuple[int, tuple[float, ...]]] = {
    "85 % neutral": (60, (0.05, 0.05, 0.85, 0.05)),
    "neutral all along": (30, (0.0, 0.0, 1.0, 0.0)),
    **{f"{label} all along": (20, tuple(float(one == label) for one in LABELS)) for label in EMOTIONS},
    "even": (80, (0.25, 0.25, 0.25, 0.25)),
}
"""Kinds of streams: number of turns, and the probability of each label in the order of `LABELS`."""


@dataclass(frozen=True)
class Turn:
    """A scored turn of a stream: the name of the stream's kind, the right answers, and the recognizer's."""

    kind: str
    labels: Labels
    scores: EmotionScores


def run_streams(
    inputs: SpeechInputs, clips: Sequence[Clip], band: Band, *, seed: int = 0, words: Words | None = None
) -> list[Turn]:
    """Draw the streams of every speaker, and score them over a band, with `words` or as speech alone."""
    drawn = streams_of(clips, seed)
    inputs.prepare([clip for turns in drawn.values() for clip in turns], (band,))
    found = []
    for (kind, speaker), turns in progress(drawn.items(), f"Streams ({band})", len(drawn)):
        rng = np.random.default_rng((seed, zlib.crc32(speaker.encode()), 1))
        baseline = SpeakerBaseline()
        examples = [words(clip, rng) if words else as_recorded(replace(clip, text=None)) for clip in turns]
        given = [inputs.of(one.clip, band, one.text, baseline) for one in examples]
        scored = zip(examples, inputs.recognizer.score(given), strict=True)
        found += [Turn(kind, one.labels, scores) for one, scores in scored if scores is not None]
    return found


def streams_of(clips: Sequence[Clip], seed: int = 0) -> dict[tuple[str, str], list[Clip]]:
    """The clips of each stream, by kind and speaker; drawn with replacement."""
    pools: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in sorted(clips, key=lambda clip: clip.id):
        if clip.path is not None and not clip.weak:
            pools[clip.speaker][clip.label].append(clip)
    drawn = {}
    for speaker in sorted(pools):
        for number, (kind, (turns, mixture)) in enumerate(KINDS.items()):
            rng = np.random.default_rng((seed, zlib.crc32(speaker.encode()), 0, number))
            if any(p and len(pools[speaker][label]) < _FEWEST for label, p in zip(LABELS, mixture, strict=True)):
                continue
            some = [pools[speaker][str(label)] for label in rng.choice(LABELS, turns, p=mixture)]
            drawn[kind, speaker] = [pool[int(rng.integers(len(pool)))] for pool in some]
    return drawn


def stream_metrics(turns: Sequence[Turn]) -> dict[str, dict[str, Any]]:
    """Metrics by kind of stream, of speech alone.

    `turns`, `recall` by label, `emotions` (mean recall of the three), `neutral` (proportion of turns called neutral),
    and `ece`.
    """
    found = {}
    for kind in KINDS:
        some = [turn for turn in turns if turn.kind == kind]
        if some:
            truth = np.array([LABELS.index(turn.labels[0]) for turn in some])
            measured = measure(truth, np.array([turn.scores.ensemble for turn in some]))
            found[kind] = {
                "turns": len(some),
                "recall": measured.recall,
                "emotions": _emotions(measured.recall),
                "neutral": sum(row[LABELS.index(NEUTRAL)] for row in measured.confusion) / len(some),
                "ece": measured.ece,
            }
    return found


def stream_report(
    inputs: SpeechInputs, clips: Sequence[Clip], routine: Sequence[Channel], *, seed: int = 0
) -> dict[str, Any]:
    """Everything that `evaluate --streams` prints.

    `checkpoint`, `prior`, `streams` (by band, then kind; see `stream_metrics`), and with calls `routine` and `laid_in`,
    unless the recognizer has no classifier of speech.
    """
    recognizer = inputs.recognizer
    bands = BANDS if recognizer.attends else ()
    streams = {band: stream_metrics(run_streams(inputs, clips, band, seed=seed)) for band in bands}
    report: dict[str, Any] = {"checkpoint": recognizer.name, "prior": recognizer.prior, "seed": seed}
    report["streams"] = {band: some for band, some in streams.items() if some}
    if routine and (measured := routine_metrics(inputs, routine))["all"]["turns"]:
        report["routine"] = measured
        if acted := [clip for clip in clips if clip.path is not None and not clip.weak]:
            report["laid_in"] = laid_in_metrics(inputs, routine, acted, seed)
    return report


def routine_metrics(inputs: SpeechInputs, channels: Sequence[Channel]) -> dict[str, Any]:
    """Metrics of routine calls, scored turn by turn, by call and for `all`.

    `turns`, `neutral` (proportion called neutral), `sure` (proportion called emotional above `SURE`), and
    `alerts_per_hour` (false alerts of `angry>0.7 for 2 turns`).
    """
    scored: dict[str, list[list[EmotionScores]]] = defaultdict(list)
    hours: dict[str, float] = defaultdict(float)
    for channel in progress(channels, "Routine calls", len(channels)):
        found = inputs.recognizer.score(inputs.turns(channel, SpeakerBaseline()))
        scored[channel.call].append([one for one in found if one is not None])
        hours[channel.call] = max(hours[channel.call], len(channel.sound) / SAMPLE_RATE / 3600)
    by_call = {call: _routine(some, hours[call]) for call, some in scored.items()}
    everything = [turns for some in scored.values() for turns in some]
    return {**by_call, "all": _routine(everything, sum(hours.values()))}


def _routine(channels: Sequence[Sequence[EmotionScores]], hours: float) -> dict[str, float]:
    turns = [one for some in channels for one in some]
    return {
        "turns": len(turns),
        "neutral": _mean([one.emotion == NEUTRAL for one in turns]),
        "sure": _mean([one.emotion != NEUTRAL and one.confidence > SURE for one in turns]),
        "alerts_per_hour": sum(map(false_alerts, channels)) / hours,
    }


def false_alerts(turns: Sequence[EmotionScores]) -> int:
    """Number of alerts of `angry>0.7 for 2 turns`."""
    rings = in_a_row = 0
    for one in turns:
        in_a_row = in_a_row + 1 if one.ensemble[LABELS.index("angry")] > SURE else 0
        rings += in_a_row == _ALERT_TURNS
    return rings


def laid_in_metrics(
    inputs: SpeechInputs, channels: Sequence[Channel], clips: Sequence[Clip], seed: int = 0
) -> dict[str, Any]:
    """Metrics of acted emotional clips laid into the pauses of routine calls, after every third turn.

    Clip and call share the channel's running baseline, as they do in the monitor. `laid` counts the clips; `recall` is
    by label, `emotions` the mean recall of the three; `neutral` is of the call's own turns.
    """
    pools = {label: [clip for clip in clips if clip.label == label] for label in EMOTIONS}
    labels = [label for label, pool in pools.items() if pool]
    right: dict[str, list[bool]] = defaultdict(list)
    rounds = [(number, channel) for number in range(_LAID_ROUNDS) for channel in channels]
    for number, channel in progress(rounds, "Laid in", len(rounds)):
        rng = np.random.default_rng((seed, zlib.crc32(channel.name.encode()), number))
        line = CallLine(channel)
        baseline = SpeakerBaseline()
        given: list[SpeechInput] = []
        truth: list[str] = []
        for place, turn in enumerate(inputs.turns(channel, baseline), start=1):
            given.append(turn)
            truth.append(NEUTRAL)
            if place % _LAID_EVERY == 0 and labels:
                label = labels[int(rng.integers(len(labels)))]
                clip = pools[label][int(rng.integers(len(pools[label])))]
                given.append(SpeechInput(line.carry(inputs.sound(clip), rng), speaker=baseline))
                truth.append(label)
        for expected, scores in zip(truth, inputs.recognizer.score(given), strict=True):
            if scores is not None:
                right[expected].append(scores.emotion == expected)
    own = right.pop(NEUTRAL, [])
    recall = {label: _mean(right[label]) for label in labels if right[label]}
    laid = sum(map(len, right.values()))
    return {"laid": laid, "recall": recall, "emotions": _emotions(recall), "neutral": _mean(own)}


class CallLine:
    """The line of a routine call: its band, its level, and the noise of its pauses."""

    def __init__(self, channel: Channel) -> None:
        """Measure it in the channel's turns."""
        speech = np.concatenate([channel.sound[start:end] for start, end in channel.turns])
        self.level = float(np.median([level(channel.sound[start:end]) for start, end in channel.turns]))
        self.pause = channel.pause
        frames = speech[: len(speech) // 512 * 512].reshape(-1, 512)
        power = np.square(np.abs(np.fft.rfft(frames * np.hanning(512).astype(np.float32)))).mean(0)
        inside = np.flatnonzero(power > power.max() * 1e-5) * (SAMPLE_RATE / 512)
        self.low_hz, self.high_hz = float(inside.min()), float(inside.max())

    def carry(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Sound at the call's level, over its band (µ-law at 8 kHz where that is narrow), with its noise."""
        sound = trim(sound)[0]
        spectrum = np.fft.rfft(sound)
        hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        spectrum[(hertz < self.low_hz) | (hertz > self.high_hz)] = 0
        line = torch.from_numpy(np.fft.irfft(spectrum, len(sound)).astype(np.float32))
        line = line * (self.level / level(line.numpy()))
        if len(self.pause):
            noise = np.resize(np.roll(self.pause, int(rng.integers(len(self.pause)))), len(line))
            line = line + torch.from_numpy(noise)
        if self.high_hz < _NARROW_HZ:
            narrow = mu_law(functional.resample(line, SAMPLE_RATE, 8_000))
            line = functional.resample(narrow, 8_000, SAMPLE_RATE)[: len(line)]
        carried: Sound = line.clamp(-1, 1).numpy()
        return carried


def _emotions(recall: Mapping[str, float]) -> float | None:
    """Mean recall of the emotions that occur."""
    recalls = [recall[label] for label in EMOTIONS if label in recall]
    return float(np.mean(recalls)) if recalls else None


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else 0.0
