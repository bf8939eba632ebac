"""Speaker diarization of a recording of one channel, as a whole before its first row is written.

Each utterance could be given to the nearest speaker so far, but the first ones would then be guesses that nobody
corrects, since a row that is written stays. So the utterances' x-vectors (Snyder et al., 2018), computed by Vosk's
speaker model, are clustered agglomeratively first: cosine similarity, average linkage.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, SpeechEnded, Utterance
from monitor.samples import as_int16
from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.settings import SegmenterSettings
from monitor.sources import Source
from monitor.sources.recording import mono
from stser_core.errors import TranscriberError

_REPEATS = 3
_LONG_FRAMES = 100


class Halted(Exception):  # noqa: N818
    """Work on a recording was abandoned because the user stops it."""


class SpeakerEmbedding(NamedTuple):
    """The x-vector of an utterance, float32 [n], and the number of 10 ms frames that it is computed from."""

    vector: NDArray[np.float32]
    frames: int


class VoskEmbeddings:
    """Vosk's speaker model, which runs inside a Vosk model of any language."""

    def __init__(self) -> None:
        """Find and load both models; raises `TranscriberError` where one is missing, and where it is, or broken."""
        from monitor.transcribers import vosk_models

        model, speaker_model = vosk_models.find(), vosk_models.find_speaker_model()
        if speaker_model is None:
            raise TranscriberError(
                f"--speakers needs Vosk's speaker model: unpack {vosk_models.BASE_ADDRESS}{vosk_models.SPEAKERS}.zip "
                f"into {vosk_models.cache_dir()}, or name its folder in {vosk_models.SPEAKERS_VARIABLE}."
            )
        if model is None:
            raise TranscriberError(
                "--speakers needs a Vosk model, too: stser-monitor models fetch "
                f"{vosk_models.DEFAULT}, or name its folder in VOSK_MODEL_PATH."
            )
        import vosk

        vosk.SetLogLevel(-1)
        self._creating = Lock()
        self._kaldi_recognizer = vosk.KaldiRecognizer
        try:
            self._model = vosk.Model(model_path=str(model))
            self._speaker_model = vosk.SpkModel(str(speaker_model))
        except Exception as error:  # Vosk raises nothing narrower
            raise TranscriberError(f"The models in {model} and {speaker_model} cannot be loaded.") from error

    def embed(self, samples: NDArray[np.float32]) -> SpeakerEmbedding | None:
        """The embedding of an utterance, float32 [n], or `None` where it has too little speech. From any thread."""
        embedding = self._embed(samples)
        if embedding is not None:
            return embedding
        # Vosk needs half a second of speech: less is repeated, and counts as little as it is.
        embedding = self._embed(np.tile(samples, _REPEATS))
        return None if embedding is None else SpeakerEmbedding(embedding.vector, embedding.frames // _REPEATS)

    def _embed(self, samples: NDArray[np.float32]) -> SpeakerEmbedding | None:
        with self._creating:
            recognizer = self._kaldi_recognizer(self._model, SAMPLE_RATE, self._speaker_model)
        texts = [recognizer.Result()] if recognizer.AcceptWaveform(as_int16(samples).tobytes()) else []
        results = [one for one in map(json.loads, [*texts, recognizer.FinalResult()]) if "spk" in one]
        if not results:
            return None
        frames = [int(one["spk_frames"]) for one in results]
        mean = np.average([one["spk"] for one in results], axis=0, weights=np.maximum(frames, 1))
        return SpeakerEmbedding(mean.astype(np.float32), sum(frames))


def diarize(
    source: Source, count: int, extractor: VoskEmbeddings, settings: SegmenterSettings, *, halted: Callable[[], bool]
) -> Callable[[Utterance], str]:
    """Find which of `count` speakers speaks in each utterance of a recording, whose channels are mixed.

    The settings cut it into utterances as the pipeline does; `halted` is asked again and again whether to stop, by the
    exception `Halted`. Returns a function that names the speaker of an utterance, as the pipeline cuts it from the same
    recording: `speaker1`, `speaker2`, …, in the order in which they first speak.
    """

    def embed(utterance: Utterance) -> SpeakerEmbedding | None:
        if halted():
            raise Halted
        return extractor.embed(utterance.samples)

    segmenter = Segmenter(1, settings)
    events = [event for block in mono(source.blocks()) for event in segmenter.feed(block)] + segmenter.flush()
    utterances = [event.utterance for event in events if isinstance(event, SpeechEnded)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        numbers = cluster(list(threads.map(embed, utterances)), count)
    speakers = {one.start_s: f"speaker{number + 1}" for one, number in zip(utterances, numbers, strict=True)}
    return lambda utterance: speakers[utterance.start_s]


def cluster(embeddings: Sequence[SpeakerEmbedding | None], count: int) -> list[int]:
    """Give each of the utterances, in the order of their times, the number of one of so many speakers.

    Short utterances have uncertain vectors, so only the long ones make the clusters (all, where there are too few),
    and each short one goes to the most similar cluster. One without an embedding, which had too little speech, gets
    the speaker before it. The numbers, from 0, are in the order in which the speakers first appear.
    """
    known = {index: one for index, one in enumerate(embeddings) if one is not None}
    if not known:
        return [0] * len(embeddings)
    vectors = np.stack([one.vector for one in known.values()])
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    long = np.flatnonzero(np.array([one.frames for one in known.values()]) >= _LONG_FRAMES)
    if len(long) < count:
        long = np.arange(len(known))
    groups = _merged(vectors[long], count)
    centres = np.stack([vectors[long[group]].mean(axis=0) for group in groups])
    nearest = (vectors @ centres.T).argmax(axis=1)
    for number, group in enumerate(groups):
        nearest[long[group]] = number
    found = dict(zip(known, nearest.tolist(), strict=True))
    numbers: dict[int, int] = {}
    result: list[int] = []
    for index in range(len(embeddings)):
        if index in found:
            result.append(numbers.setdefault(found[index], len(numbers)))
        else:
            result.append(result[-1] if result else 0)
    return result


def _merged(vectors: NDArray[np.float32], count: int) -> list[list[int]]:
    """Merge the two most similar groups until so many are left."""
    groups = [[index] for index in range(len(vectors))]
    means = vectors
    while len(groups) > count:
        similarity = means @ means.T  # the product of two means is the mean of the products of all pairs
        np.fill_diagonal(similarity, -np.inf)
        first, second = sorted(np.unravel_index(int(similarity.argmax()), similarity.shape))
        groups[first] += groups.pop(second)
        means = np.delete(means, second, axis=0)
        means[first] = vectors[groups[first]].mean(axis=0)
    return groups
