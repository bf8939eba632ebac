"""Clips, pairs and turns of calls through the recognizer that the monitor runs: its inputs, predictions and metrics.

Open corpora have no sound whose words differ on purpose, so clips of unseen speakers are paired with unseen texts: both
carry an emotion, or only one of them does. The right answer follows from how a pair was made (see `pairs`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stser_core import checkpoint as checkpoints
from stser_core.audio import load_mono
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import CLASSIFIERS, ENSEMBLE, EmotionScores, SpeechInput
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.torch_network import TorchNetwork
from stser_core.training.caches import WIDE, Band, FrameCache
from stser_core.training.clip import Clip
from stser_core.training.metrics import measure
from stser_core.training.output import progress
from stser_core.training.pairs import EMOTIONS, NEUTRAL
from stser_core.training.routine import Channel
from stser_core.training.telephone_lines import Sound, telephone_band

BaselineMode = Literal["none", "neutral"]
"""Speaker baseline of a single clip: none, or that of the speaker's other neutral clips (at most ten)."""

_SAID_WITH: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "agreeing": lambda speech: (speech,),
    "neutral_text": lambda speech: (NEUTRAL,) if speech != NEUTRAL else (),
    "neutral_speech": lambda speech: EMOTIONS if speech == NEUTRAL else (),
}
"""The labels of the words that speech with a label is paired with, by the kind of pair."""

_NEUTRAL_CLIPS = 10
_CHUNK = 64
_MOST_SERVICE = 5_000
_NO_SOUND = np.zeros(0, dtype=np.float32)


class SpeechInputs:
    """Makes the inputs of `recognizer`; recordings and turns are encoded by the front end once."""

    def __init__(
        self, recognizer: EmotionRecognizer, frames: FrameCache, load: Callable[[Path], Sound] = load_mono
    ) -> None:
        """Take frames of the same front end; `load` gives a recording's samples."""
        self.recognizer = recognizer
        self._frames, self._load = frames, load
        self._turns: dict[Channel, list[NDArray[np.floating]]] = {}
        # Encoders of other packages read samples.
        self._keeps_sound = bool(set(recognizer.classifiers) - set(CLASSIFIERS))

    @classmethod
    def load(cls, checkpoint: str | Path, cache: Path, accelerator: str = "auto", **options: Any) -> "SpeechInputs":  # noqa: ANN401
        """Load a checkpoint's recognizer; options and errors are those of `EmotionRecognizer`."""
        loaded = checkpoints.load(checkpoint)
        model = checkpoints.load_model(loaded.folder)
        return cls(EmotionRecognizer(loaded, TorchNetwork(model, accelerator), **options), FrameCache(model, cache))

    def prepare(self, clips: Iterable[Clip], bands: Sequence[Band]) -> None:
        """Encode recordings that are going to be needed; raises `DataError` for those that cannot be decoded."""
        if self.recognizer.attends:
            self._frames.prepare(clips, bands)

    def of(
        self, clip: Clip, band: Band = "wide", text: str | None = None, speaker: SpeakerBaseline | None = None
    ) -> SpeechInput:
        """A clip over a band; a clip without a recording is text alone."""
        if clip.path is None or not self.recognizer.attends:
            return SpeechInput(_NO_SOUND, text)
        sound = self.sound(clip, band) if self._keeps_sound else _NO_SOUND
        return SpeechInput(sound, text, speaker=speaker, frames=self.frames(clip, band))

    def turns(self, channel: Channel, speaker: SpeakerBaseline) -> list[SpeechInput]:
        """The turns of a call's channel."""
        sounds = [channel.sound[start:end] for start, end in channel.turns]
        if not self.recognizer.attends or self._keeps_sound:
            return [SpeechInput(sound, speaker=speaker) for sound in sounds]
        if channel not in self._turns:
            self._turns[channel] = self.recognizer.frames(sounds)
        return [SpeechInput(_NO_SOUND, speaker=speaker, frames=frames) for frames in self._turns[channel]]

    def frames(self, clip: Clip, band: Band = "wide") -> NDArray[np.float16]:
        """A clip's frames: float16 [n, size]."""
        return self._frames.frames(clip, band)

    def sound(self, clip: Clip, band: Band = "wide") -> Sound:
        """A clip's samples over a band: float32 [n]."""
        assert clip.path is not None
        sound = self._load(clip.path)
        return sound if band == "wide" else telephone_band(sound)

    def score_alone(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score inputs without class prior."""
        prior, self.recognizer.prior = self.recognizer.prior, None
        try:
            return self.recognizer.score(inputs)
        finally:
            self.recognizer.prior = prior


@dataclass(frozen=True)
class Prediction:
    """A clip with its scores, over one band, with one kind of baseline."""

    clip: Clip
    band: Band
    scores: EmotionScores
    baseline: BaselineMode = "none"


_BREAKDOWNS: Mapping[str, Callable[[Prediction], str | None]] = {
    "corpus": lambda one: one.clip.corpus,
    "gender": lambda one: one.clip.gender,
    "language": lambda one: one.clip.language,
}


def predict(
    inputs: SpeechInputs,
    clips: Sequence[Clip],
    *,
    bands: Sequence[Band] = ("wide",),
    baselines: Sequence[BaselineMode] = ("none",),
    heard: Sequence[Clip] | None = None,
) -> list[Prediction]:
    """Score clips, each by itself, without class prior.

    Those that none of the classifiers can answer are left out. A clip with sound is scored over each band, and with
    each kind of baseline that its speaker has. `heard` are the clips that baselines are made of, if not the same.
    """
    inputs.prepare(clips, bands)
    wanted = [
        (clip, band, mode)
        for clip in clips
        for band in (bands if clip.path is not None else bands[:1])
        for mode in baselines
        if mode == "none" or clip.path is not None
    ]
    neutral = _neutral_means(inputs, clips if heard is None else heard, bands) if "neutral" in baselines else {}
    found: list[Prediction] = []
    starts = range(0, len(wanted), _CHUNK)
    for start in progress(starts, "Evaluating", len(starts)):
        chunk = []
        for clip, band, mode in wanted[start : start + _CHUNK]:
            speaker = _known(clip, neutral.get((clip.speaker, band), {})) if mode == "neutral" else None
            if mode == "none" or speaker is not None:
                chunk.append((clip, band, mode, inputs.of(clip, band, clip.text, speaker)))
        scored = zip(chunk, inputs.score_alone([one[3] for one in chunk]), strict=True)
        found += [Prediction(*one[:2], scores, one[2]) for one, scores in scored if scores is not None]
    return found


def _neutral_means(
    inputs: SpeechInputs, clips: Sequence[Clip], bands: Sequence[Band]
) -> dict[tuple[str, Band], dict[Path, NDArray[np.float32]]]:
    """The mean frames of each speaker's first neutral clips, by speaker and band, and then by recording."""
    means: dict[tuple[str, Band], dict[Path, NDArray[np.float32]]] = defaultdict(dict)
    for clip in clips:
        if clip.path is None or clip.label != NEUTRAL:
            continue
        for band in bands:
            if len(means[clip.speaker, band]) <= _NEUTRAL_CLIPS:  # one more, for the clip itself is left out
                means[clip.speaker, band][clip.path] = inputs.frames(clip, band).astype(np.float32).mean(0)
    return means


def _known(clip: Clip, means: Mapping[Path, NDArray[np.float32]]) -> SpeakerBaseline | None:
    speaker = SpeakerBaseline()
    others = [mean for path, mean in means.items() if path != clip.path][:_NEUTRAL_CLIPS]
    for mean in others:
        speaker.update(mean, 1.0, float(_NEUTRAL_CLIPS))
    return speaker if others else None


def clip_report(
    inputs: SpeechInputs, clips: Sequence[Clip], bands: Sequence[Band], service: Sequence[Clip] = ()
) -> dict[str, Any]:
    """`report` of clips, with the kinds of baselines that the recognizer can use; `pair_report`; `service_report`."""
    modes: tuple[BaselineMode, ...] = ("none", "neutral") if inputs.recognizer.uses_speaker_baseline else ("none",)
    found = predict(inputs, clips, bands=bands, baselines=modes)
    return report(inputs.recognizer, found) | pair_report(inputs, clips) | service_report(inputs, service)


def report(recognizer: EmotionRecognizer, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """All metrics of a recognizer's predictions, as JSON has them; raises `DataError` without any.

    `checkpoint`, `labels`, `classifiers` (`Metrics` of each that had something to predict) without a baseline, over the
    wide band if it is there, and `breakdown`: the same for each corpus, gender and language, for each band, and, where
    there are several, each kind of baseline over all bands.
    """
    if not predictions:
        raise DataError("No clip has the input of the checkpoint's classifiers, so nothing can be evaluated.")
    classifiers = recognizer.classifiers

    def broken_down(some: Sequence[Prediction], value_of: Callable[[Prediction], str | None]) -> dict[str, Any]:
        groups: dict[str, list[Prediction]] = defaultdict(list)
        for one in some:
            if (value := value_of(one)) is not None:
                groups[value].append(one)
        return {value: by_classifier(groups[value], classifiers) for value in sorted(groups)}

    alone = [one for one in predictions if one.baseline == "none"]
    main = [one for one in alone if one.band == WIDE] or alone
    breakdown = {what: broken_down(main, value_of) for what, value_of in _BREAKDOWNS.items()}
    breakdown["band"] = broken_down(alone, lambda one: None if one.clip.path is None else one.band)
    if known := [one for one in predictions if one.baseline == "neutral"]:
        breakdown["baseline"] = broken_down(predictions, lambda one: one.baseline)
        breakdown["corpus with baseline"] = broken_down(known, _BREAKDOWNS["corpus"])
    return {
        "checkpoint": recognizer.name,
        "labels": list(LABELS),
        "classifiers": by_classifier(main, classifiers),
        "breakdown": breakdown,
    }


def by_classifier(predictions: Sequence[Prediction], classifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`Metrics` of each classifier, and of the ensemble where every one of `classifiers` could answer."""
    found: dict[str, dict[str, Any]] = {}
    for name in (*classifiers, ENSEMBLE):
        needed = classifiers if name == ENSEMBLE else (name,)
        answered = [one for one in predictions if all(other in one.scores.by_classifier for other in needed)]
        if answered:
            truth = np.array([LABELS.index(one.clip.label) for one in answered])
            given = [one.scores.ensemble if name == ENSEMBLE else one.scores.by_classifier[name] for one in answered]
            found[name] = asdict(measure(truth, np.array(given, dtype=np.float32)))
    return found


def pair_report(inputs: SpeechInputs, clips: Sequence[Clip]) -> dict[str, Any]:
    """`pairs` of a report: metrics of each classifier against the pairs' right answers.

    They are given for each kind of pair that the labels allow, and for `all`; none where speech, text or a classifier
    of either is missing. Speakers without another neutral clip are scored without a baseline.
    """
    recognizer = inputs.recognizer
    paired = pairs_of(clips)
    if not paired or not {"speech", "text"} <= set(recognizer.classifiers):
        return {}
    mode: BaselineMode = "neutral" if recognizer.uses_speaker_baseline else "none"
    pairs = [pair for some in paired.values() for pair in some]
    # A pair is labelled with its right answer, so only the clips themselves tell which speech is neutral.
    predictions = predict(inputs, pairs, baselines=(mode,), heard=clips)
    if mode == "neutral":
        scored = {one.clip.id for one in predictions}
        predictions += predict(inputs, [pair for pair in pairs if pair.id not in scored])
    kind_of = {clip.id: kind for kind, some in paired.items() for clip in some}
    parts = {kind: [one for one in predictions if kind_of[one.clip.id] == kind] for kind in paired}
    parts["all"] = predictions
    return {"pairs": {kind: by_classifier(some, recognizer.classifiers) for kind, some in parts.items()}}


def pairs_of(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Each clip with sound with a text of each label that a kind of pair allows, by kind; labelled as is right."""
    texts: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.path is None and clip.text:
            texts[clip.label].append(clip)
    spoken = [clip for clip in clips if clip.path is not None and not clip.weak]
    paired: dict[str, list[Clip]] = defaultdict(list)
    for kind, said_with in _SAID_WITH.items():
        rng = np.random.default_rng(0)
        for speech in spoken:
            for said in said_with(speech.label):
                if texts[said]:
                    text = texts[said][int(rng.integers(len(texts[said])))]
                    answer = said if kind == "neutral_speech" else speech.label
                    pair = replace(speech, id=f"{speech.id} {kind} {text.id}", text=text.text, label=answer)
                    paired[kind].append(pair)
    return paired


def service_report(inputs: SpeechInputs, texts: Sequence[Clip]) -> dict[str, Any]:
    """`service` of a report: the number of service texts, and the proportion that is called neutral."""
    if not texts or not inputs.recognizer.needs_text:
        return {}
    scored = inputs.score_alone([inputs.of(clip, text=clip.text) for clip in texts[:_MOST_SERVICE]])
    neutral = [one.emotion == NEUTRAL for one in scored if one is not None]
    return {"service": {"n": len(neutral), "neutral": float(np.mean(neutral))}} if neutral else {}
