"""Recordings whose content is known, and models small enough to be made anew in every test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stser_core.emotions import LABELS
from stser_core.ensemble import Joining
from stser_core.features import FeatureSettings
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import Stser, StserSettings
from stser_core.tmodel import TextSettings, Tokenizer

Record = Callable[..., Path]

_LAYOUTS = {1: "mono", 2: "stereo", 8: "7.1"}


@pytest.fixture(scope="session")
def record() -> Record:
    """Write sound to a file: `record(path, samples, rate, codec)` with float samples [channels, n]."""
    return _record


def _record(path: Path, samples: NDArray[np.floating], rate: int, codec: str, *, video: bool = False) -> Path:
    samples = np.atleast_2d(samples)
    layout = _LAYOUTS[len(samples)]
    with av.open(str(path), "w") as container:
        pictures = _pictures(container) if video else []
        stream = container.add_stream(codec, rate=rate, layout=layout)
        for packet in pictures:
            container.mux(packet)
        container.mux(stream.encode(_frame(samples, rate, layout)))
        container.mux(stream.encode(None))
    return path


def _frame(samples: NDArray[np.floating], rate: int, layout: str) -> av.AudioFrame:
    packed = np.ascontiguousarray(samples.T, dtype=np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate = rate
    frame.pts = 0
    return frame


def _pictures(container: av.container.OutputContainer) -> list[av.Packet]:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    packets = []
    for number in range(10):
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * number, dtype=np.uint8), format="rgb24")
        packets += stream.encode(picture)
    return packets + stream.encode(None)


ALBERT = {
    "vocab_size": 30_000,
    "embedding_size": 4,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}


@pytest.fixture(scope="session")
def settings() -> StserSettings:
    """A small STSER with all three classifiers."""
    return StserSettings(
        features=FeatureSettings(mel_bands=24),
        classifiers=("speech", "text", "bimodal"),
        speech=SpeechSettings(blocks=(ConvSettings(6),), lstm_units=8),
        text=TextSettings(encoder="tiny", albert=ALBERT, pooling="mean", maximum_pieces=32),
        temperatures={"speech": 1.5, "text": 0.5},
    )


@pytest.fixture(scope="session")
def build() -> Callable[..., Stser]:
    """Make a model of given settings in evaluation mode, whose untrained classifiers have clear opinions."""
    return _build


@pytest.fixture(scope="session")
def tokenizer(data: Path) -> Tokenizer:
    """The real ALBERT vocabulary."""
    return Tokenizer.load(data / "albert-vocab", maximum_pieces=32)


def _build(settings: StserSettings, seed: int = 0) -> Stser:
    torch.manual_seed(seed)
    model = Stser(settings)
    with torch.no_grad():
        for classifier in model.classifiers.values():
            for weight in classifier.parameters():
                weight.mul_(3)
    return model.eval()


@dataclass(frozen=True, eq=False)
class SpokenWorld:
    """Utterances whose moods are known, and what their voices and words let an ideal listener and reader believe.

    Attributes:
        heard: float64 [n, labels], logits of the voice's moods.
        read: float64 [n, labels], logits of the words' moods.
        voice: int64 [n], what the voice carries.
        words: int64 [n], what the words carry.
        answer: int64 [n], what the utterance expresses.
    """

    heard: NDArray[np.float64]
    read: NDArray[np.float64]
    voice: NDArray[np.int64]
    words: NDArray[np.int64]
    answer: NDArray[np.int64]


@pytest.fixture(scope="session")
def spoken_world() -> Callable[[Joining, int], SpokenWorld]:
    """Utterances of a world in which a joining holds: `spoken_world(joining, how_many)`."""
    return _spoken_world


def _spoken_world(joining: Joining, count: int) -> SpokenWorld:
    dice = np.random.default_rng(0)
    neutral = LABELS.index("neutral")
    kinds = np.array([1.0, joining.text_neutral, joining.voice_neutral])
    often = np.array([1.0 if label == neutral else kinds.sum() for label in range(len(LABELS))])
    answer = dice.choice(len(LABELS), count, p=often / often.sum())
    kind = dice.choice(len(kinds), count, p=kinds / kinds.sum())
    words, voice = (np.where(kind == alone, neutral, answer) for alone in (1, 2))
    return SpokenWorld(_overheard(voice, dice), _overheard(words, dice), voice, words, answer)


def _overheard(moods: NDArray[np.int64], dice: np.random.Generator) -> NDArray[np.float64]:
    """Logits of moods that are heard through normal noise of variance 1."""
    clarity = 2.0
    sound = clarity * np.eye(len(LABELS))[moods] + dice.standard_normal((len(moods), len(LABELS)))
    return clarity * sound
