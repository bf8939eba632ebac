"""A part of the pipeline that fails: what was finished is kept, and nothing hangs."""

from threading import Event

import numpy as np
import pytest
from staged import FakeScorer, FakeSource, Fault, broken, build, finish

from stser_core.errors import AudioError, OutputError, PipelineError


class TestAFailure:
    @pytest.mark.parametrize("capacity", [1, 64])
    @pytest.mark.parametrize("at", [0, 1, 5])
    @pytest.mark.parametrize("stage", ["source", "listen", "feed", "finish", "scorer", "output"])
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

    def test_of_the_project_is_raised_as_it_is(self, sound):
        error = AudioError("talk.wav breaks off.")
        assert finish(broken("source", 100, sound, error=error)) is error

    def test_of_the_source_leaves_everything_heard_before_it(self, sound, rows):
        written = []
        finish(broken("source", 100, sound, written.append))
        assert written[:4] == rows[:4]
        assert max(row.end_s for row in written) <= 10

    def test_of_a_shared_source_leaves_what_that_of_another_leaves(self, sound):
        class Shared(FakeSource):
            def feed(self, take, has_room):
                for number, block in enumerate(self.blocks()):
                    if number == 100:
                        raise ValueError("a bug")
                    assert take(block)

        expected, written = [], []
        finish(broken("source", 100, sound, expected.append))
        assert isinstance(finish(build(Shared(sound), [written.append])), PipelineError)
        assert written == expected

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
        pipeline = build(Silent(sound), [], scorer=scorer, capacity=300)
        assert isinstance(finish(pipeline), PipelineError)

    @pytest.mark.parametrize("stage", ["listen", "feed", "finish", "scorer"])
    def test_ends_the_run_even_if_the_source_does_not_listen(self, sound, stage):
        class Stubborn(FakeSource):
            def stop(self):
                pass

        pipeline = broken(stage, 0, np.tile(sound, 3), kind=Stubborn, capacity=1)
        assert isinstance(finish(pipeline), PipelineError)
