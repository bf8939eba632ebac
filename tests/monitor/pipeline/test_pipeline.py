"""What a pipeline makes of sound: turns, in order; also where a part of it fails, and when it is stopped."""

import time
from threading import Event, Thread

import numpy as np
import pytest
from staged import ROLES, SETTINGS, FakeScorer, FakeSource, FakeTranscriber, Fault, broken, build, finish, rows_of
from waiting import wait_until

from monitor.flow import SAMPLE_RATE, Word
from stser_core.audio import load_mono
from stser_core.errors import AudioError, OutputError, PipelineError, StserError, UsageError

STAGES = ("source", "listen", "feed", "finish", "scorer", "output")
MOMENTS = [0.0, 0.01, 0.1]


@pytest.fixture(scope="module")
def sound(data):
    """Two people who speak in turn and at times both, 18 s; one of them goes on for longer than a turn may last."""
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in ("03a02Nc", "08a01Wa", "10a02Fa", "14a01Na")]
    talk = np.zeros((2, 18 * SAMPLE_RATE), dtype=np.float32)
    for number, clip in enumerate(clips * 2):
        talk[number % 2, number * 20_000 :][: len(clip)] += clip
    talk[0, 11 * SAMPLE_RATE :][: len(clips[0]) * 3] = np.tile(clips[0], 3)
    return talk


@pytest.fixture(scope="module")
def rows(sound):
    return rows_of(sound)


class TestTurns:
    def test_say_who_spoke_where_which_words_and_how_loudly_in_the_order_of_their_ends(self, rows, sound):
        assert len(rows) > 8
        assert [row.turn for row in rows] == list(range(1, len(rows) + 1))
        assert [row.end_s for row in rows] == sorted(row.end_s for row in rows)
        assert {(row.recording, row.checkpoint) for row in rows} == {("talk.wav", "fake-checkpoint")}
        assert {(row.channel, row.speaker, row.emotion) for row in rows} == {(1, "customer", "sad"), (2, "agent", None)}
        for row in rows:
            part = sound[row.channel - 1, round(row.start_s * SAMPLE_RATE) : round(row.end_s * SAMPLE_RATE)]
            assert row.words == (Word(str(part.size), row.start_s, round(row.start_s + 0.1, 3), 1.0),)
            assert row.loudness_dbfs == pytest.approx(10 * np.log10(np.mean(part**2)), abs=0.4)

    @pytest.mark.parametrize("capacity", [1, 2, 5])
    def test_are_the_same_however_narrow_the_queues(self, rows, sound, capacity):
        assert rows_of(sound, capacity=capacity) == rows

    def test_that_pile_up_are_scored_in_one_batch(self, sound):
        slow = FakeScorer()
        slow_score, slow.score = slow.score, lambda spoken: time.sleep(0.2) or slow_score(spoken)
        rows_of(sound, scorer=slow)
        assert 1 < max(map(len, slow.batches)) <= 16

    def test_of_channels_that_share_a_role_are_of_their_mix(self, sound):
        assert rows_of(sound, roles=ROLES[:1]) == rows_of(sound.mean(axis=0, keepdims=True), roles=ROLES[:1])
        with pytest.raises(UsageError, match="2 channels, but 3 were described"):
            build(FakeSource(sound), [], roles=[*ROLES, ROLES[0]])

    def test_count_sound_that_was_lost(self, sound):
        class Lossy(FakeSource):
            def blocks(self):
                return (block for block in super().blocks() if block.start != 32_000)

        rows = []
        pipeline = build(Lossy(sound), [rows.append], capacity=200)
        assert finish(pipeline) is None
        assert pipeline.dropped_ms == 100
        assert {row.dropped_ms for row in rows if row.start_s < 2 and row.end_s > 2.1} == {100}
        assert {row.dropped_ms for row in rows if row.start_s > 2.1} == {0}


def test_progress_and_who_is_speaking_can_be_read(sound):
    gate = Event()
    speech = np.stack([sound[0], np.zeros_like(sound[0])])
    pipeline = build(FakeSource(speech), [], transcriber=FakeTranscriber(gate), capacity=1)
    assert (pipeline.position_s, pipeline.dropped_ms) == (0, 0)
    thread = Thread(target=finish, args=(pipeline,))
    thread.start()
    wait_until(lambda: pipeline.channels[0].speaking)
    speaking = [channel.speaking for channel in pipeline.channels]
    gate.set()
    thread.join()
    assert speaking == [True, False]
    assert pipeline.position_s == 18
    assert not any(channel.speaking for channel in pipeline.channels)


class TestAFailure:
    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("at", [0, 1, 5])
    @pytest.mark.parametrize("stage", STAGES)
    def test_ends_the_run_with_what_was_finished_before_it(self, sound, rows, stage, at, capacity):
        written = []
        error = finish(broken(stage, at, sound, written.append, capacity=capacity))
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

    def test_of_the_source_is_raised_as_it_is_and_leaves_everything_heard_before_it(self, sound, rows):
        class Shared(FakeSource):
            def feed(self, take, has_room):
                assert all(map(take, self.blocks()))

        error, written = AudioError("talk.wav breaks off."), {FakeSource: [], Shared: []}
        for kind, turns in written.items():
            assert finish(broken("source", 100, sound, turns.append, error=error, kind=kind)) is error
        assert written[Shared] == written[FakeSource]
        assert written[Shared][:4] == rows[:4]
        assert max(row.end_s for row in written[Shared]) <= 10

    def test_of_one_output_keeps_nothing_from_the_others(self, sound, rows):
        fault, written = Fault(2, OutputError("The disk is full.")), []
        pipeline = build(FakeSource(sound), [lambda turn: fault(), written.append], capacity=200)
        assert isinstance(finish(pipeline), OutputError)
        assert len(written) >= 3
        assert written[:3] == rows[:3]
        # What was being said when the run was stopped is there too, up to where its source was stopped.
        assert {(row.channel, row.start_s) for row in written} <= {(row.channel, row.start_s) for row in rows}

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
        assert isinstance(finish(build(Silent(sound), [], scorer=scorer, capacity=300)), PipelineError)

    @pytest.mark.parametrize("stage", ["listen", "feed", "finish", "scorer"])
    def test_ends_the_run_even_if_the_source_does_not_listen(self, sound, stage):
        class Stubborn(FakeSource):
            def stop(self):
                pass

        pipeline = broken(stage, 0, np.tile(sound, 3), kind=Stubborn, capacity=1)
        assert isinstance(finish(pipeline), PipelineError)


class TestStopping:
    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("seconds", MOMENTS)
    def test_writes_what_was_heard(self, sound, rows, seconds, capacity):
        written = []
        pipeline = build(FakeSource(sound, pause_s=0.0005), [written.append], capacity=capacity)
        assert finish(pipeline, seconds, pipeline.stop) is None
        # A turn's end is known after the silence that ends it; where it was cut, once it was as long as a turn may be.
        # A cut turn and the longest that it could have become may be this far apart:
        known_after_s = max(SETTINGS.pause_s, SETTINGS.cut_search_s)
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
        gate = Event()  # opened only after the run: the transcriber hangs
        source = FakeSource(sound, endless=True, pause_s=0.0005)
        pipeline = build(source, [], transcriber=FakeTranscriber(gate), capacity=capacity)
        began = time.monotonic()
        assert finish(pipeline, seconds, pipeline.abort) is None
        assert time.monotonic() - began < 3
        gate.set()

    @pytest.mark.parametrize("stage", STAGES)
    @pytest.mark.parametrize("way", ["stop", "abort"])
    def test_during_a_failure_does_not_hang(self, sound, stage, way):
        for at in range(4):
            pipeline = broken(stage, at, sound, pause_s=0.0002, capacity=1)
            assert isinstance(finish(pipeline, 0.004 * (at + 1), getattr(pipeline, way)), StserError | None)
