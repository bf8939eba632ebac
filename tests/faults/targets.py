"""The inputs that come from outside: for each, what Hypothesis makes of it, and what the program does with that.

A target is made with a folder of its own; whatever its `examine` does but take a case or refuse it is a fault.
"""

import contextlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from damage import Damage, damaged, some_damage
from hypothesis import strategies as st
from small_checkpoint import write_checkpoint
from sound_files import recordings, spoken, wav_headers
from speech import RATE

from monitor.timeline.file import read_timeline
from stser_core.errors import AudioError

_LONGEST_BLOCKS = 600
"""Of a header that announces hours, so many blocks of 100 ms are read."""
_STDIN = Path("-")


@dataclass(frozen=True)
class Target:
    """One kind of input from outside; `examine` returns when a case was taken, and raises a `StserError` otherwise."""

    cases: st.SearchStrategy[Any]
    examine: Callable[[Any], None]
    processor_s: float = 10.0


def audio(folder: Path) -> Target:
    """Recordings, all formats: decoded to their end, from a file, from memory and from a pipe, one track and all."""
    from monitor.sources.recording import Recording
    from stser_core import audio as decoding

    whole = list(recordings(folder).values())

    def examine(case: tuple[bytes, str, int | Literal["all"] | None]) -> None:
        content, way, track = case
        path = folder / f"case.{way}"
        path.write_bytes(content)
        file = {"memory": io.BytesIO(content), "pipe": _Pipe(content)}.get(way, path)
        channels = Recording(path, track=track).channels
        assert channels > 0
        said: list[str] = []
        pieces = iter(islice(decoding.blocks(file, track=track, notices=said.append), _LONGEST_BLOCKS))
        if way == "pipe" and (first := next(pieces, None)) is not None:
            channels = len(first)  # where FFmpeg cannot follow the index of a file, it may find fewer tracks
            pieces = chain((first,), pieces)
        for samples in pieces:
            assert samples.dtype == np.float32
            assert len(samples) == channels
            assert np.isfinite(samples).all()
            assert np.abs(samples).max(initial=0.0) <= 1.0
        assert len(said) <= 1

    of_whole = st.builds(damaged, st.sampled_from(whole), some_damage)
    contents = st.one_of(of_whole, of_whole, of_whole, wav_headers)
    ways = st.sampled_from(("file", "file", "file", "memory", "pipe", "ul", "vox"))
    return Target(st.tuples(contents, ways, st.sampled_from((None, None, None, "all", 1, 2))), examine)


def pcm(folder: Path) -> Target:
    """Sound on standard input, with a WAV header before it or without, in bits of any length."""
    from monitor.sources.raw_pcm import RawPcm

    sound = recordings(folder)["pcm_s16le.wav"][:6_000]
    contents = st.binary(max_size=200) | wav_headers | st.builds(damaged, st.just(sound), some_damage)

    def examine(case: tuple[bytes, int, int, int]) -> None:
        content, rate, channels, bits = case
        position = 0
        for block in RawPcm(_Dribble(content, bits), rate=rate, channels=channels).blocks():
            assert block.start == position
            assert block.samples.shape[0] == channels
            assert np.isfinite(block.samples).all()
            position = block.end
        assert position <= (len(content) / (2 * channels) + 1) * RATE / rate + 1

    rates = st.sampled_from((8_000, 16_000, 44_100)) | st.integers(0, 800_000)
    return Target(st.tuples(contents, rates, st.integers(0, 3) | st.integers(0, 70), st.integers(1, 300)), examine)


class _Pipe(io.BytesIO):
    """A file that can be read once, from its start to its end."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("Illegal seek")

    def tell(self) -> int:
        raise OSError("Illegal seek")


class _Dribble(io.BytesIO):
    """A pipe that never gives more than a few bytes at once."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def timelines(folder: Path) -> Target:
    """Timelines, CSV, JSON Lines and Parquet, given to `export`, `analytics` and `report`."""
    from monitor.commands.timelines import analytics, export, report

    formats = ("jsonl", "webvtt", "srt", "audacity", "textgrid", "eaf", "emotionml", "rttm")
    uses = [*(partial(export, to=name) for name in formats), analytics, report]

    def examine(case: tuple[str, bytes, int]) -> None:
        ending, content, use = case
        path = folder / f"case.{ending}"
        path.write_bytes(content)
        uses[use](path, output=str(folder / "out"), quiet=True)

    contents = [
        st.tuples(st.just(kind), st.builds(damaged, st.just(text), some_damage)) for kind, text in _timelines().items()
    ]
    lines = st.tuples(st.just("jsonl"), st.lists(_json_rows(), min_size=1, max_size=3).map(b"\n".join))
    cases = st.tuples(st.one_of(*contents, lines), st.integers(0, len(uses) - 1))
    return Target(cases.map(lambda case: (*case[0], case[1])), examine)


def replays(folder: Path) -> Target:
    """Recordings with gaps, changing formats, several tracks and echoes: the timeline can be read, whatever happens."""
    from monitor.commands.replay import replay
    from monitor.options import AnalysisOptions, OutputOptions, RecordingOptions, ScoringOptions, TranscriptionOptions

    write_checkpoint(folder / "checkpoint")
    contents = st.sampled_from(spoken(folder))

    def examine(case: tuple[list[tuple[bytes, str]], str | None, str | None]) -> None:
        inputs, channels, track = case
        csv = folder / "out.csv"
        csv.unlink(missing_ok=True)
        with contextlib.ExitStack() as closing:
            paths = [
                closing.enter_context(_given(folder / f"{number}", content, way))
                for number, (content, way) in enumerate(inputs)
            ]
            options = AnalysisOptions(
                scoring=ScoringOptions(channels=channels, checkpoint=str(folder / "checkpoint")),
                recording=RecordingOptions(track=track),
                transcription=TranscriptionOptions(asr="none"),
            )
            code = replay(paths, options, OutputOptions(csv=str(csv)), quiet=True)
        turns = read_timeline(csv).turns
        names = {"stdin" if path == _STDIN else path.name for path in paths}
        for name in names:
            numbers = [turn.turn for turn in turns if turn.recording == name]
            assert numbers == list(range(1, len(numbers) + 1))
        assert {turn.recording for turn in turns} <= names
        assert all(0 <= turn.start_s < turn.end_s for turn in turns)
        if code:
            raise AudioError("Some could not be replayed.")

    inputs = st.tuples(
        contents | st.builds(damaged, contents, some_damage), st.sampled_from(("file", "file", "pipe", "stdin"))
    )
    channels = st.sampled_from((None, None, "mix", "customer,agent"))
    tracks = st.sampled_from((None, None, None, "all", "2"))
    cases = st.tuples(st.lists(inputs, min_size=1, max_size=3), channels, tracks)
    # Six hours of silence, the most that damaged time stamps can make of a recording, are segmented in this time.
    return Target(cases, examine, processor_s=120.0)


@contextlib.contextmanager
def _given(path: Path, content: bytes, way: str) -> Iterator[Path]:
    """A file or a named pipe that holds the content, or `-`, where that pipe is standard input."""
    path.unlink(missing_ok=True)
    if way == "file":
        path.write_bytes(content)
        yield path
        return
    os.mkfifo(path)
    writer = threading.Thread(target=_fill, args=(path, content))
    writer.start()
    try:
        if way == "stdin":
            _become_stdin(os.open(path, os.O_RDONLY))
        yield _STDIN if way == "stdin" else path
    finally:
        _become_stdin(os.open(os.devnull, os.O_RDONLY))
        while writer.is_alive():  # as long as it waits for its reader, or has not come to that yet
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            writer.join(0.1)


def _become_stdin(descriptor: int) -> None:
    os.dup2(descriptor, 0)
    os.close(descriptor)


def _fill(path: Path, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as file:
        file.write(content)


def lists(folder: Path) -> Target:
    """Lists of recordings, with marks, comments and quotes, as `archive` reads them."""
    from monitor.archive.recordings import find_recordings

    (folder / "a b.wav").write_bytes(b"RIFF0000WAVE")
    text = f"# calls\n{folder}/a b.wav\r\n\"{folder}/c.mp3\"\n  \n'{folder}/a b.wav' # twice\n-\n"
    path = folder / "list.txt"

    def examine(content: bytes) -> None:
        path.write_bytes(content)
        found = find_recordings(str(path), folder / "out")
        assert found
        assert len({one.name for one in found}) == len(found)

    forms = [text.encode(form) for form in ("utf-8", "utf-8-sig", "utf-16")]
    return Target(st.binary(max_size=200) | st.builds(damaged, st.sampled_from(forms), some_damage), examine)


def _timelines() -> dict[str, bytes]:
    from monitor.exporters.csv import CsvLines, as_excel
    from monitor.exporters.jsonl import as_json, turn_object
    from monitor.exporters.parquet import as_parquet
    from monitor.flow import Transcript, Word
    from monitor.timeline.turn import STARTED_AT, Turn
    from stser_core.scores import EmotionScores

    said = Transcript((Word("where", 1.2, 1.5, 0.9), Word("is", 1.5, 1.6, 1.0)))
    scores = EmotionScores({"speech": (0.9, 0.05, 0.03, 0.02)}, (0.9, 0.05, 0.03, 0.02))
    first = Turn.of(
        recording="call.wav",
        channel=1,
        speaker="customer",
        turn=1,
        start_s=1.0,
        end_s=2.5,
        scores=scores,
        transcript=said,
        loudness_dbfs=-23.4,
        checkpoint="default",
    )
    turns = [first, replace(first, turn=2, channel=2, speaker="=1+1", start_s=3.0, end_s=4.0)]
    clocks = ("2026-11-29T09:00:01+01:00", "2026-11-29T12:00:03+01:00")  # two sessions
    live = [replace(turn, extra={STARTED_AT: clock}) for turn, clock in zip(turns, clocks, strict=True)]
    return {
        "parquet": as_parquet(live),
        "tsv": as_excel(live).encode(),
        "csv": (CsvLines().header + "".join(map(CsvLines().turn, turns))).encode(),
        "jsonl": "".join(as_json(turn_object(turn)) + "\n" for turn in turns).encode(),
    }


def _json_rows() -> st.SearchStrategy[bytes]:
    """Turns, marks and alerts, one of whose values is anything that JSON can hold."""
    turn = json.loads(_timelines()["jsonl"].splitlines()[0])
    mark = {"type": "mark", "number": 1, "time_s": 1.0}
    alert = {"type": "alert", "rule": "angry>0.5", "time_s": 2.5, "channel": 1, "speaker": "customer", "turn": 1}
    alert |= {"emotion": "angry", "probability": 0.9}
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)

    def changed(whole: dict[str, object]) -> st.SearchStrategy[bytes]:
        return st.tuples(st.sampled_from(sorted(whole)), values).map(
            lambda change: json.dumps(whole | {change[0]: change[1]}).encode()
        )

    return st.one_of(*map(changed, (turn, turn, mark, alert)))


def checkpoints(folder: Path) -> Target:
    """Checkpoint folders with one damaged file: loaded, and one utterance scored."""
    import torch

    from stser_core.recognizer import EmotionRecognizer
    from stser_core.scores import SpeechInput

    torch.set_num_threads(1)
    write_checkpoint(folder / "checkpoint")
    paths = {
        name: folder / "checkpoint" / name
        for name in ("config.json", "model.safetensors", "front_end.safetensors", "tokenizer.json")
    }
    whole = {name: path.read_bytes() for name, path in paths.items()}
    sound = np.random.default_rng(1).normal(0, 0.1, RATE // 2).astype(np.float32)

    def examine(case: tuple[str, list[Damage]]) -> None:
        name, damages = case
        try:
            paths[name].write_bytes(damaged(whole[name], damages))
            (scores,) = EmotionRecognizer.load(folder / "checkpoint").score([SpeechInput(sound, "where is it", 0.9)])
        finally:
            paths[name].write_bytes(whole[name])
        assert scores is None or abs(sum(scores.ensemble) - 1) < 1e-3

    names = st.sampled_from(("config.json", "config.json", *paths, "model.safetensors"))
    return Target(st.tuples(names, some_damage), examine)


TARGETS: dict[str, Callable[[Path], Target]] = {
    "audio": audio,
    "pcm": pcm,
    "replays": replays,
    "lists": lists,
    "timelines": timelines,
    "checkpoints": checkpoints,
}
