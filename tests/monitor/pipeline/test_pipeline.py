"""The pipeline with a source, a transcriber and a scorer that can be told what to do, and when to fail."""

import time
from threading import Event, Thread

import numpy as np
import pytest

from monitor.flow import SAMPLE_RATE, AudioBlock, Transcript, Word
from monitor.pipeline.pipeline import Lane, Pipeline
from monitor.segmenter.endpointing import Endpointing
from stser_core.audio import load_mono
from stser_core.errors import AudioError, OutputError, PipelineError, StserError, UsageError
from stser_core.scores import EmotionScores

CLIPS = ("03a02Nc", "08a01Wa", "10a02Fa", "14a01Na")
TIME_LIMIT_S = 20
SETTINGS = Endpointing(max_utterance_s=3, cut_search_s=1.5)
LANES = [Lane("customer"), Lane("agent", scored=False)]


class Fault:
    """Raises at the n-th call."""

    def __init__(self, at=None, error=None):
        self.left, self.error = at, error or ValueError("a bug")

    def __call__(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise self.error


class FakeSource:
    name = "talk.wav"

    def __init__(self, sound, *, live=False, fault=None, pause_s=0.0, endless=False):
        self.sound, self.live, self.fault, self.pause_s = sound, live, fault or Fault(), pause_s
        self.channels, self.duration_s, self.endless = len(sound), sound.shape[1] / SAMPLE_RATE, endless
        self.stopped = Event()

    def blocks(self):
        start = 0
        while self.endless or start < self.sound.shape[1]:
            if self.stopped.is_set():
                return
            at = start % self.sound.shape[1]
            self.fault()
            if self.pause_s:
                self.stopped.wait(self.pause_s)
            block = AudioBlock(start, self.sound[:, at : at + 1600])
            start = block.end
            yield block

    def stop(self):
        self.stopped.set()


class FakeTranscriber:
    """Hears one word a second, and says at which sample count it heard it."""

    name = "fake"

    def __init__(self, faults=None, gate=None):
        self.faults = {"listen": Fault(), "feed": Fault(), "finish": Fault(), **(faults or {})}
        self.gate = gate

    def listen(self, start_s):
        self.faults["listen"]()
        return FakeListening(self, start_s)


class FakeListening:
    def __init__(self, transcriber, start_s):
        self.transcriber, self.start_s, self.heard = transcriber, start_s, 0

    def feed(self, samples):
        self.transcriber.faults["feed"]()
        if self.transcriber.gate is not None:
            self.transcriber.gate.wait()
        self.heard += len(samples)

    def partial(self):
        return ""

    def finish(self):
        self.transcriber.faults["finish"]()
        return Transcript((Word(str(self.heard), self.start_s, self.start_s + 0.1, 1.0),))


class FakeScorer:
    name = "fake-checkpoint"

    def __init__(self, fault=None):
        self.fault, self.batches = fault or Fault(), []

    def score(self, utterances):
        self.fault()
        self.batches.append(list(utterances))
        return [EmotionScores({"speech": p}, p) for p in [(0.1, 0.2, 0.3, 0.4)] * len(utterances)]


@pytest.fixture(scope="module")
def sound(data):
    """Two people who speak in turn and at times both, 18 s; one of them goes on for longer than a turn may last."""
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]
    talk = np.zeros((2, 18 * SAMPLE_RATE), dtype=np.float32)
    for number, clip in enumerate(clips * 2):
        talk[number % 2, number * 20_000 :][: len(clip)] += clip
    talk[0, 11 * SAMPLE_RATE :][: len(clips[0]) * 3] = np.tile(clips[0], 3)
    return talk


def finish(pipeline):
    """Run a pipeline that must not hang; returns what it raised."""
    raised = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIME_LIMIT_S)
    assert not thread.is_alive(), "the pipeline hangs"
    return raised[0] if raised else None


def build(source, outputs, transcriber=None, scorer=None, capacity=64, lanes=LANES):
    return Pipeline(
        source,
        lanes=lanes,
        transcriber=transcriber or FakeTranscriber(),
        scorer=scorer or FakeScorer(),
        outputs=outputs,
        endpointing=SETTINGS,
        capacity=capacity,
    )


def rows_of(sound, **options):
    rows = []
    assert finish(build(FakeSource(sound), [rows.append], **options)) is None
    return rows


@pytest.fixture(scope="module")
def rows(sound):
    return rows_of(sound)


class TestTurns:
    def test_are_numbered_in_the_order_of_their_ends(self, rows):
        assert len(rows) > 8
        assert [row.turn for row in rows] == list(range(1, len(rows) + 1))
        assert [row.end_s for row in rows] == sorted(row.end_s for row in rows)

    def test_say_who_spoke_where(self, rows):
        assert {(row.channel, row.speaker) for row in rows} == {(1, "customer"), (2, "agent")}
        assert {(row.recording, row.checkpoint) for row in rows} == {("talk.wav", "fake-checkpoint")}

    def test_carry_the_transcript_of_exactly_their_own_sound(self, rows):
        for row in rows:
            heard = round((row.end_s - row.start_s) * SAMPLE_RATE)
            assert row.transcript == Transcript((Word(str(heard), row.start_s, row.start_s + 0.1, 1.0),))

    def test_of_an_unscored_lane_are_transcribed_but_not_scored(self, rows):
        assert all((row.scores is None) == (row.speaker == "agent") for row in rows)
        assert all(row.transcript is not None for row in rows)

    def test_carry_their_loudness(self, rows, sound):
        for row in rows:
            part = sound[row.channel - 1, round(row.start_s * SAMPLE_RATE) : round(row.end_s * SAMPLE_RATE)]
            assert row.loudness_dbfs == pytest.approx(10 * np.log10(np.mean(part**2)), abs=0.01)

    @pytest.mark.parametrize("capacity", [1, 2, 5])
    def test_are_the_same_however_narrow_the_queues(self, rows, sound, capacity):
        assert rows_of(sound, capacity=capacity) == rows

    def test_go_to_the_scorer_with_their_words(self, sound):
        scorer = FakeScorer()
        rows = rows_of(sound, scorer=scorer)
        scored = [spoken for batch in scorer.batches for spoken in batch]
        assert [spoken.text for spoken in scored] == [row.transcript.text for row in rows if row.scores is not None]
        assert {spoken.text_confidence for spoken in scored} == {1.0}

    def test_that_pile_up_are_scored_in_one_batch(self, sound):
        slow = FakeScorer()
        slow_score, slow.score = slow.score, lambda spoken: time.sleep(0.2) or slow_score(spoken)
        rows_of(sound, scorer=slow)
        assert 1 < max(map(len, slow.batches)) <= 16

    def test_come_to_every_output(self, sound, rows):
        one, other = [], []
        assert finish(build(FakeSource(sound), [one.append, other.append])) is None
        assert one == other == rows


def test_silence_gives_an_empty_timeline():
    assert rows_of(np.zeros((2, 10 * SAMPLE_RATE), np.float32)) == []


def test_lanes_that_do_not_fit_the_source_are_refused(sound):
    with pytest.raises(UsageError, match="2 channels, but 1 were described"):
        build(FakeSource(sound), [], lanes=LANES[:1])


def test_progress_can_be_read(sound):
    source = FakeSource(sound)
    pipeline = build(source, [])
    assert (pipeline.position_s, pipeline.speaking, pipeline.dropped_ms) == (0, (False, False), 0)
    assert finish(pipeline) is None
    assert (pipeline.position_s, pipeline.speaking) == (18, (False, False))


def test_who_is_speaking_can_be_read(sound):
    gate = Event()
    speech = np.stack([sound[0], np.zeros_like(sound[0])])
    pipeline = build(FakeSource(speech), [], transcriber=FakeTranscriber(gate=gate), capacity=1)
    thread = Thread(target=finish, args=(pipeline,))
    thread.start()
    deadline = time.monotonic() + 5
    while pipeline.speaking != (True, False) and time.monotonic() < deadline:
        time.sleep(0.01)
    speaking = pipeline.speaking
    gate.set()
    thread.join()
    assert speaking == (True, False)


class TestLiveSound:
    def test_that_cannot_be_taken_in_time_is_dropped_and_counted(self, sound):
        gate = Event()
        rows = []
        source = FakeSource(sound, live=True)
        pipeline = build(source, [rows.append], transcriber=FakeTranscriber(gate=gate), capacity=4)
        opener = Thread(target=lambda: time.sleep(0.5) or gate.set())
        opener.start()
        assert finish(pipeline) is None
        opener.join()
        assert pipeline.position_s == 18
        assert 0 < pipeline.dropped_ms < 18_000
        assert sum(row.dropped_ms for row in rows) <= 2 * pipeline.dropped_ms
        assert all(0 <= row.start_s < row.end_s <= 18 for row in rows)

    def test_that_the_device_lost_is_counted_once(self, sound):
        class Lossy(FakeSource):
            def blocks(self):
                for block in super().blocks():
                    if block.start == 32_000:
                        continue
                    yield AudioBlock(block.start, block.samples, 1600 if block.start == 33_600 else 0)

        rows = []
        pipeline = build(Lossy(sound, live=True), [rows.append], capacity=200)
        assert finish(pipeline) is None
        assert pipeline.dropped_ms == 100
        assert {row.dropped_ms for row in rows if row.start_s < 2 and row.end_s > 2.1} == {100}
        assert {row.dropped_ms for row in rows if row.start_s > 2.1} == {0}


def broken(stage, at, error=None):
    """What to build a pipeline from whose one part fails at its n-th call."""
    fault = Fault(at, error)
    match stage:
        case "source":
            return {"source": fault}
        case "scorer":
            return {"scorer": FakeScorer(fault)}
        case "output":
            return {"output": fault}
        case _:
            return {"transcriber": FakeTranscriber({stage: fault})}


def run_broken(sound, rows, parts, **options):
    source = FakeSource(sound, fault=parts.get("source"))
    fault = parts.get("output", Fault())

    def output(turn):
        fault()
        rows.append(turn)

    pipeline = build(source, [output], transcriber=parts.get("transcriber"), scorer=parts.get("scorer"), **options)
    return finish(pipeline)


class TestAFailure:
    @pytest.mark.parametrize("capacity", [1, 3, 64])
    @pytest.mark.parametrize("at", [0, 1, 2, 5])
    @pytest.mark.parametrize("stage", ["source", "listen", "feed", "finish", "scorer", "output"])
    def test_ends_the_run_with_what_was_finished_before_it(self, sound, rows, stage, at, capacity):
        written = []
        error = run_broken(sound, written, broken(stage, at), capacity=capacity)
        if error is None:
            # All turns fitted into fewer batches than the scorer was to survive.
            assert stage == "scorer"
            assert written == rows
            return
        assert isinstance(error, PipelineError)
        assert "ValueError: a bug" in str(error)
        assert isinstance(error.__cause__, ValueError)
        assert [row.turn for row in written] == list(range(1, len(written) + 1))
        # The last ones may be shorter than in the whole recording, where the source broke off.
        keys = [(row.channel, row.start_s) for row in rows]
        assert all((row.channel, row.start_s) in keys for row in written)
        if stage == "output":
            assert written == rows[:at]

    def test_of_the_project_is_raised_as_it_is(self, sound):
        error = AudioError("talk.wav breaks off.")
        assert run_broken(sound, [], broken("source", 100, error)) is error

    def test_of_the_source_leaves_everything_heard_before_it(self, sound, rows):
        written = []
        run_broken(sound, written, broken("source", 100))
        assert written[:4] == rows[:4]
        assert max(row.end_s for row in written) <= 10

    def test_of_one_output_keeps_nothing_from_the_others(self, sound, rows):
        fault, written = Fault(2, OutputError("The disk is full.")), []
        pipeline = build(FakeSource(sound), [lambda turn: fault(), written.append], capacity=200)
        assert isinstance(finish(pipeline), OutputError)
        assert len(written) >= 3
        assert written[:3] == rows[:3]
        # What was being said when the run was stopped is there too, up to where its source was stopped.
        assert [(row.channel, row.start_s) for row in written] == [
            (row.channel, row.start_s) for row in rows[: len(written)]
        ]

    def test_of_a_scorer_that_forgets_some_is_not_overlooked(self, sound):
        scorer = FakeScorer()
        scorer.score = lambda spoken: []
        assert "scored 0 of" in str(run_broken(sound, [], {"scorer": scorer}))

    def test_stops_a_source_that_would_never_end(self, sound):
        pipeline = build(FakeSource(sound, endless=True, pause_s=0.001), [], scorer=FakeScorer(Fault(0)))
        assert isinstance(finish(pipeline), PipelineError)

    def test_stops_a_source_that_has_fallen_silent(self, sound):
        silent = Event()

        class Silent(FakeSource):
            def blocks(self):
                yield from super().blocks()
                silent.set()
                self.stopped.wait()

        scorer = FakeScorer()
        scorer.score = lambda spoken: silent.wait() and Fault(0)()
        pipeline = build(Silent(sound), [], scorer=scorer, capacity=300)
        assert isinstance(finish(pipeline), PipelineError)

    @pytest.mark.parametrize("stage", ["listen", "feed", "finish", "scorer"])
    def test_ends_the_run_even_if_the_source_does_not_listen(self, sound, stage):
        class Stubborn(FakeSource):
            def stop(self):
                pass

        parts = broken(stage, 0)
        pipeline = build(
            Stubborn(np.tile(sound, 3)),
            [],
            transcriber=parts.get("transcriber"),
            scorer=parts.get("scorer"),
            capacity=1,
        )
        assert isinstance(finish(pipeline), PipelineError)


def after(seconds, call):
    thread = Thread(target=lambda: time.sleep(seconds) or call(), daemon=True)
    thread.start()
    return thread


MOMENTS = [0.0, 0.003, 0.01, 0.03, 0.1]


class TestStopping:
    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("seconds", MOMENTS)
    def test_writes_what_was_heard(self, sound, rows, seconds, capacity):
        written = []
        pipeline = build(FakeSource(sound, pause_s=0.0005), [written.append], capacity=capacity)
        stopping = after(seconds, pipeline.stop)
        assert finish(pipeline) is None
        stopping.join()
        # A turn's end is known after the silence that ends it; where it was cut, once it was as long as a turn may be.
        # A cut turn and the longest that it could have become may be this far apart:
        known_after_s = max(SETTINGS.endpoint_silence_s, SETTINGS.cut_search_s)
        heard = [row for row in rows if row.end_s < pipeline.position_s - known_after_s]
        assert written[: len(heard)] == heard
        assert all(row.end_s <= pipeline.position_s for row in written)

    def test_before_the_start_hears_nothing(self, sound):
        written = []
        pipeline = build(FakeSource(sound), [written.append])
        pipeline.stop()
        assert finish(pipeline) is None
        assert written == []

    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("seconds", MOMENTS)
    def test_at_once_returns_at_once(self, sound, seconds, capacity):
        gate = Event()  # never opened: the transcriber hangs
        transcriber = FakeTranscriber(gate=gate)
        source = FakeSource(sound, endless=True, pause_s=0.0005)
        pipeline = build(source, [], transcriber=transcriber, capacity=capacity)
        aborting = after(seconds, pipeline.abort)
        began = time.monotonic()
        assert finish(pipeline) is None
        assert time.monotonic() - began < 3
        aborting.join()
        gate.set()

    @pytest.mark.parametrize("stage", ["source", "listen", "feed", "finish", "scorer", "output"])
    @pytest.mark.parametrize("way", ["stop", "abort"])
    def test_during_a_failure_does_not_hang(self, sound, stage, way):
        for at in range(4):
            parts = broken(stage, at)
            source = FakeSource(sound, fault=parts.get("source"), pause_s=0.0002)
            fault = parts.get("output", Fault())
            pipeline = build(
                source,
                [lambda turn, fault=fault: fault()],
                transcriber=parts.get("transcriber"),
                scorer=parts.get("scorer"),
                capacity=1,
            )
            ending = after(0.004 * (at + 1), getattr(pipeline, way))
            assert isinstance(finish(pipeline), StserError | None)
            ending.join()

    def test_by_an_exception_in_the_waiting_thread_passes_it_on(self, sound, monkeypatch):
        pipeline = build(FakeSource(sound, endless=True, pause_s=0.001), [])
        waits = []

        def interrupted(self, timeout=None, join=Thread.join):
            waits.append(timeout)
            if len(waits) == 1:
                raise KeyboardInterrupt
            join(self, timeout)

        monkeypatch.setattr("monitor.pipeline.stages.Thread.join", interrupted)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            pipeline.run()
        assert time.monotonic() - began < 1
        assert waits[0] <= 0.5
