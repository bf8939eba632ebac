"""Routine calls and service dialogues: weakly labelled neutral speech and text.

Recordings of calls in which nothing emotional happens are cut into turns; every turn counts as neutral. What lies
between the turns is the noise of real lines.
"""

import csv
import gzip
import hashlib
import io
import wave
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import webrtcvad

from stser_core.audio import load
from stser_core.config import SAMPLE_RATE
from stser_core.errors import DataError, UsageError
from stser_core.training.clip import SPLITS, Clip
from stser_core.training.corpora.reading import require_folder, some, sound_files
from stser_core.training.output import write_atomically
from stser_core.training.telephone_lines import Sound

CORPUS = "routine"
SERVICE_CORPORA = ("sgd", "taskmaster")

_FRAME = SAMPLE_RATE * 30 // 1000
_ABOVE_FLOOR_DB = 9.0
_ABSOLUTE_FLOOR_DB = -65.0
_PAUSE = 16  # frames of silence that end a turn: 0.48 s
_SHORTEST = 10
_LONGEST = 400
_AWAY = 5  # frames between speech and what counts as a pause
_SHORTEST_PAUSE_S = 1.0


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel of a routine call."""

    name: str  # the call's, with the channel's number where there are several; unique in the folder
    call: str  # the recording's name; see `call_names`
    sound: Sound  # float32 [n] in −1…1, 16 kHz
    turns: tuple[tuple[int, int], ...]  # first and last sample (exclusive) of each
    pause: Sound  # the noise between turns, float32 [n]; empty where there is less than a second


@dataclass(frozen=True, eq=False)
class CallData:
    """Weakly labelled neutral data."""

    train: tuple[Clip, ...] = ()  # turns of routine calls, and service texts
    validation: tuple[Clip, ...] = ()  # service texts
    test: tuple[Clip, ...] = ()  # service texts
    pauses: tuple[Sound, ...] = ()  # noise of the calls that are trained on
    held_out: tuple[Channel, ...] = ()  # channels of calls that are not trained on


def read_call_data(
    calls: Path | None, held_out: Collection[str], texts: Path | None, cache: Path, *, train: bool = True
) -> CallData:
    """Read routine calls and service texts; unless something is trained, all calls are held out if none is named."""
    training, held = read_calls(calls, held_out) if calls is not None else ([], [])
    if not train:
        training, held = [], held or training
    words = service_texts(texts) if texts is not None else ()
    training_words, validation, test = (tuple(clip for clip in words if clip.split == split) for split in SPLITS)
    pauses = tuple(channel.pause for channel in training if len(channel.pause))
    return CallData(turn_clips(training, cache) + training_words, validation, test, pauses, tuple(held))


def read_calls(folder: Path, held_out: Collection[str] = ()) -> tuple[list[Channel], list[Channel]]:
    """Read and segment the recordings of a folder, at any depth, channel by channel.

    Returns the channels to train on, and those of recordings that are held out: by their calls' names or their paths,
    or by their files' names, with or without ending, where only one has that. Raises `UsageError` where a held-out name
    fits no recording or several, `DataError` where no recording has speech, `AudioError` where one cannot be decoded.
    """
    require_folder(CORPUS, folder)
    names = call_names([path.relative_to(folder) for path in sound_files(folder)])
    kept_back = {_recording(names, name, folder) for name in held_out}
    training: list[Channel] = []
    held: list[Channel] = []
    for path, call in names.items():
        channels = held if path in kept_back else training
        sound = load(folder / path)
        for number, samples in enumerate(sound, start=1):
            turns, pause = segment(samples)
            if turns:
                name = call if len(sound) == 1 else f"{call}-{number}"
                if name != call and name in names.values():
                    name = f"{path.as_posix()}/{number}"  # nothing else can be named so, for a file is not a folder
                channels.append(Channel(name, call, samples, turns, pause))
    if not training and not held:
        raise DataError(f"{folder} holds no recording with speech; give a folder with recordings of routine calls.")
    return training, held


def call_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name of its own for each recording: its path without the ending, with it where that is not unique.

    `all` is the name of the metrics over all calls.
    """
    short = [path.with_suffix("").as_posix() for path in paths]
    taken = Counter([*short, *(path.as_posix() for path in paths), "all"])
    return {path: name if taken[name] == 1 else path.as_posix() for path, name in zip(paths, short, strict=True)}


def _recording(names: Mapping[Path, str], name: str, folder: Path) -> Path:
    """The recording that `--held-out-call` names."""
    fitting = [path for path, call in names.items() if name in (call, path.as_posix())]
    fitting = fitting or [path for path in names if name in (path.name, path.stem, path.with_suffix("").as_posix())]
    if not fitting:
        raise UsageError(f"--held-out-call: {folder} has no recording {name!r}.")
    if len(fitting) > 1:
        paths = some([path.as_posix() for path in fitting])
        raise UsageError(f"--held-out-call: {name!r} is {len(fitting):,} recordings; give the path of one: {paths}.")
    return fitting[0]


def turn_clips(channels: Sequence[Channel], cache: Path) -> tuple[Clip, ...]:
    """The turns of channels as weak neutral clips; their sound is written into the cache."""
    clips = []
    for channel in channels:
        digest = hashlib.blake2b(channel.sound.tobytes(), digest_size=8).hexdigest()
        for number, (start, end) in enumerate(channel.turns, start=1):
            path = cache / f"{CORPUS}-{digest}" / f"{number:04}.wav"
            if not path.is_file():
                content = io.BytesIO()
                with wave.open(content, "wb") as file:
                    file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
                    file.writeframes((np.clip(channel.sound[start:end], -1, 1) * 32_767).astype(np.int16).tobytes())
                write_atomically(path, content.getvalue())
            clip_id, speaker = f"{CORPUS}/{channel.name}/{number:04}", f"{CORPUS}_{channel.name}"
            clips.append(Clip(clip_id, path, None, "neutral", speaker, split="train", corpus=CORPUS, weak=True))
    return tuple(clips)


def service_texts(path: Path) -> tuple[Clip, ...]:
    """The service dialogues of a table with the columns `corpus` and `text` as weak neutral texts.

    One text in ten is validated with and one in ten is tested, by a digest of its words: a shuffled table does not
    tell which dialogue a text is of. Raises `DataError` where the table cannot be read, or has no such text.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        table = csv.DictReader(io.StringIO(content.decode("utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [(row["corpus"], (row["text"] or "").strip()) for row in table]
    except (OSError, EOFError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table with the columns corpus and text ({error}).") from error
    texts = dict.fromkeys((corpus, text) for corpus, text in rows if corpus in SERVICE_CORPORA and text)
    if not texts:
        raise DataError(f"{path} has no text of the corpora {' and '.join(SERVICE_CORPORA)}.")
    clips = []
    for corpus, text in texts:
        digest = hashlib.blake2b(text.lower().encode(), digest_size=8).hexdigest()
        split = {0: "test", 1: "validation"}.get(int(digest, 16) % 10, "train")
        name = f"{corpus}/{digest}"
        clips.append(Clip(name, None, text, "neutral", name, split=split, language="en", corpus=corpus, weak=True))
    return tuple(clips)


def segment(sound: Sound) -> tuple[tuple[tuple[int, int], ...], Sound]:
    """Cut a channel, float32 [n] in −1…1, 16 kHz, into turns, by WebRTC's detector and a noise floor.

    Returns the first and last sample (exclusive) of each turn, and the noise between turns.
    """
    detector = webrtcvad.Vad(2)
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    sounding = levels[levels > _ABSOLUTE_FLOOR_DB]
    floor = float(np.percentile(sounding, 5)) + _ABOVE_FLOOR_DB if len(sounding) else 0.0
    pcm = (np.clip(frames, -1, 1) * 32_767).astype(np.int16)
    voiced = [detector.is_speech(frame.tobytes(), SAMPLE_RATE) for frame in pcm]
    speech = np.array(voiced, dtype=bool) & (levels > max(floor, _ABSOLUTE_FLOOR_DB))
    places = np.flatnonzero(speech)
    turns: list[tuple[int, int]] = []
    for run in np.split(places, np.flatnonzero(np.diff(places) > _PAUSE) + 1) if len(places) else []:
        for part in np.array_split(run, -(-(int(run[-1]) - int(run[0]) + 1) // _LONGEST)):
            if len(part) >= _SHORTEST:
                turns.append((max(0, int(part[0]) - 2) * _FRAME, (int(part[-1]) + 3) * _FRAME))
    near = np.convolve(speech, np.ones(2 * _AWAY + 1), "same") > 0
    pause = frames[~near & (levels > -90)].reshape(-1)
    return tuple(turns), pause if len(pause) >= _SHORTEST_PAUSE_S * SAMPLE_RATE else pause[:0]
