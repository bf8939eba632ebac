"""The sound of lines as sources: frames come in by the event loop, and one thread segments those of all lines."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING

from monitor.serve.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from monitor.flow import AudioBlock
    from monitor.serve.metrics import Metrics
    from monitor.serve.protocols import Sound, Start
    from monitor.serve.security import Limits

_LONGEST_WAIT_S = 10.0
"""A frame that waited so long is lost: so far may a busy machine fall behind."""

_PAUSE_S = 3.0
"""A stream without time stamps may pause for so long without the pause counting as silence."""

_ROUND_S = 0.1
_MOST_S = 2.0
"""Sound of a line that is segmented before it is the next line's turn."""


class LineSource:
    """The sound of a line, a `SharedSource`: a bounded buffer of frames.

    `put` and `stop` belong to the event loop, `advance` to the segmenter thread.
    """

    def __init__(self, name: str, start: Start, thread: SegmenterThread, limits: Limits, metrics: Metrics) -> None:
        """Begin now. `metrics` counts what is lost."""
        self.name = name
        self.channels = len(start.places)
        self._rate = start.rate
        self._decode = start.decode
        self._thread = thread
        self._limits = limits
        self._metrics = metrics
        self._tracks = Tracks(start.rate, self.channels)
        self._began_s = time.monotonic()
        self._came = [0] * self.channels
        self._lock = Lock()
        self._frames: deque[tuple[Sound, float]] = deque()  # with the seconds of the line that had passed
        self._passed_s = 0.0  # when the last of those came that were taken
        self._stopped = False
        self._take: Callable[[AudioBlock], bool] = lambda block: True
        self._has_room: Callable[[], bool] = lambda: True
        self._done: Future[None] = Future()

    @property
    def ahead_s(self) -> float:
        """By how much the sound that came is ahead of the time that has passed."""
        return max(self._came) / self._rate - self._age_s()

    @property
    def filling(self) -> bool:
        """Whether sound waits for half as long as it may."""
        with self._lock:
            return len(self._frames) > 0 and self._age_s() - self._frames[0][1] > _LONGEST_WAIT_S / 2

    def put(self, sound: Sound) -> None:
        """Add a frame, and drop those that have waited too long."""
        now_s, dropped = self._age_s(), 0
        self._came[sound.channel] += sound.length
        with self._lock:
            self._frames.append((sound, now_s))
            while now_s - self._frames[0][1] > _LONGEST_WAIT_S:
                oldest, _ = self._frames.popleft()
                dropped += oldest.length * (oldest.channel == 0)
        if dropped:
            self._metrics.dropped.inc(dropped / self._rate)

    def stop(self) -> None:
        """Take no more than what has been put so far."""
        self._stopped = True

    def feed(self, take: Callable[[AudioBlock], bool], has_room: Callable[[], bool]) -> None:
        """Have `take` called with every block in the segmenter thread."""
        self._take, self._has_room = take, has_room
        self._thread.add(self)
        try:
            self._done.result()
        finally:
            del self._tracks  # FFmpeg keeps threads for a resampler, which would stay until the garbage is collected

    def advance(self) -> bool:
        """Have what waits taken, if there is room; false after the last time."""
        try:
            if self._has_room() and not self._advance():
                self._done.set_result(None)
        except Exception as error:  # noqa: BLE001  carried to the line's own thread
            self._done.set_exception(error)
        return not self._done.done()

    def _advance(self) -> bool:
        stopped = self._stopped  # read before the frames, so that none is left behind
        frames = self._next()
        if not frames:
            if stopped:
                all(map(self._take, self._dated(self._tracks.flush())))
            return not stopped
        samples = self._decode(b"".join(sound.data for sound, _ in frames))
        tracks, late, place = self._tracks, self._tracks.late, 0
        for sound, self._passed_s in frames:
            end = place + sound.length
            earliest_s, latest_s = self._passed_s - _PAUSE_S, self._passed_s + self._limits.lead_s
            tracks.place(sound, samples[:, place:end], earliest_s, latest_s)
            place = end
        self._metrics.late.inc((tracks.late - late) / self._rate)
        return all(map(self._take, self._dated(tracks.blocks())))

    def _next(self) -> list[tuple[Sound, float]]:
        """The frames of the next seconds."""
        frames, left = [], _MOST_S * self._rate * self.channels
        with self._lock:
            while self._frames and left > 0:
                frames.append(self._frames.popleft())
                left -= frames[-1][0].length
        return frames

    def _dated(self, blocks: Iterable[AudioBlock]) -> Iterator[AudioBlock]:
        """Blocks with the time at which they came."""
        return (replace(block, arrived_at=self._began_s + self._passed_s) for block in blocks)

    def _age_s(self) -> float:
        return time.monotonic() - self._began_s


class SegmenterThread:
    """Segments the sound of all lines, one after the other, ten times a second.

    To decode, resample and segment all that waits of a line at once takes less time than to do it frame by frame, and
    threads for each line would contend for the interpreter's lock.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sources: list[LineSource] = []

    def add(self, source: LineSource) -> None:
        """Begin with one more line; it is left out again after its end."""
        with self._lock:
            self._sources.append(source)
            if len(self._sources) == 1:
                Thread(target=self._run, name="segmenter", daemon=True).start()

    def _run(self) -> None:
        """Work until there are no lines."""
        next_s = time.monotonic()
        while True:
            with self._lock:
                sources = list(self._sources)
            ended = {source for source in sources if not source.advance()}
            with self._lock:
                self._sources = [source for source in self._sources if source not in ended]
                if not self._sources:
                    return
            now_s = time.monotonic()
            next_s = max(next_s + _ROUND_S, now_s)
            time.sleep(next_s - now_s)
