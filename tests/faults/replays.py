"""The command `replay` with one to three damaged recordings, from files, named pipes and standard input."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from damage import Target, damaged, some_damage
from hypothesis import strategies as st
from small_checkpoint import write_checkpoint
from sound_files import encoded
from speech import DATA, RATE

from monitor.timeline.file import read_timeline
from stser_core import audio
from stser_core.errors import AudioError

_STDIN = Path("-")
_CLIP_S = 1.5
_GAP_S = 3.0
_MOST_SECONDS = 120.0
"""Six hours of silence, the most that damaged time stamps can make of a recording, are segmented in this time."""


def replays(folder: Path) -> Target:
    """Recordings with gaps, changing formats, several tracks and echoes: the timeline can be read, whatever happens."""
    from monitor.commands.replay import replay
    from monitor.options import (
        AnalysisOptions,
        OutputOptions,
        RecordingOptions,
        ScoringOptions,
        TranscriptionOptions,
    )

    write_checkpoint(folder / "checkpoint")
    whole = _spoken(folder)

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

    contents = st.sampled_from(list(whole.values()))
    inputs = st.tuples(
        contents | st.builds(damaged, contents, some_damage), st.sampled_from(("file", "file", "pipe", "stdin"))
    )
    channels = st.sampled_from((None, None, "mix", "customer,agent"))
    tracks = st.sampled_from((None, None, None, "all", "2"))
    return Target(st.tuples(st.lists(inputs, min_size=1, max_size=3), channels, tracks), examine, _MOST_SECONDS)


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
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) or 0 :]


def _spoken(folder: Path) -> dict[str, bytes]:
    """Short recordings with two utterances."""
    clips = [audio.load_mono(path) for path in sorted((DATA / "emodb").glob("*.flac"))[:2]]
    first, second = (clip[: round(_CLIP_S * RATE)] for clip in clips)
    pause = np.zeros(RATE, dtype=np.float32)
    line = np.concatenate([first, pause, second, pause])[None]
    echo = 10 ** (-25 / 20) * np.roll(line, 1_000)
    mp3 = encoded(folder, "a.mp3", "libmp3lame", [line])
    return {
        "wav": encoded(folder, "a.wav", "pcm_s16le", [line]),
        "offset": encoded(folder, "o.wav", "pcm_s16le", [line + 0.1]),
        "echo": encoded(folder, "e.wav", "pcm_s16le", [np.concatenate([echo, line])]),
        "same": encoded(folder, "s.m4a", "aac", [np.concatenate([line, line])]),
        "mp3": mp3,
        "rate": mp3 + encoded(folder, "b.mp3", "libmp3lame", [line], rate=8_000),
        "channels": mp3 + encoded(folder, "c.mp3", "libmp3lame", [np.concatenate([line, line])]),
        "aac": encoded(folder, "d.aac", "aac", [line]) + encoded(folder, "e.aac", "aac", [line], rate=44_100),
        "gap": encoded(folder, "g.mkv", "libopus", [line], gap_s=_GAP_S, rate=48_000),
        "tracks": encoded(folder, "t.mkv", "flac", [line, np.roll(line, RATE)], gap_s=_GAP_S),
    }
