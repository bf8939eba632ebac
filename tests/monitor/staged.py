"""A source, a transcriber and a scorer that can be told what to do, and when to fail; and a pipeline of them."""

from threading import Event, Thread, Timer

from monitor.flow import SAMPLE_RATE, AudioBlock, Transcript, Word
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import Role
from monitor.segmenter.settings import SegmenterSettings
from stser_core.scores import EmotionScores

TIME_LIMIT_S = 20
SETTINGS = SegmenterSettings(max_utterance_s=3, cut_search_s=1.5)
SCORES = EmotionScores({"speech": (0.1, 0.2, 0.3, 0.4)}, (0.1, 0.2, 0.3, 0.4))
ROLES = [Role("customer"), Role("agent", scored=False)]


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

    def __init__(self, sound, *, fault=None, pause_s=0.0, endless=False):
        self.sound, self.fault, self.pause_s = sound, fault or Fault(), pause_s
        self.channels, self.endless = len(sound), endless
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
    """Hears one word in an utterance: how many samples it has."""

    name = "fake"

    def __init__(self, gate=None, **faults):
        self.faults = {"listen": Fault(), "feed": Fault(), "finish": Fault(), **faults}
        self.gate = gate

    def listen(self, start_s):
        self.faults["listen"]()
        return FakeStream(self, start_s)


class FakeStream:
    def __init__(self, transcriber, start_s):
        self.transcriber, self.start_s, self.heard = transcriber, start_s, 0

    def feed(self, samples):
        self.transcriber.faults["feed"]()
        if self.transcriber.gate is not None:
            self.transcriber.gate.wait()
        self.heard += len(samples)

    def partial(self):
        return f"{self.heard / SAMPLE_RATE:.1f} seconds"

    def finish(self):
        self.transcriber.faults["finish"]()
        return Transcript((Word(str(self.heard), self.start_s, self.start_s + 0.1, 1.0),))


class FakeScorer:
    name = "fake-checkpoint"

    def __init__(self, fault=None, gate=None):
        self.fault, self.gate, self.at_gate, self.batches = fault or Fault(), gate, Event(), []

    @property
    def scored(self):
        return [one for batch in self.batches for one in batch]

    def score(self, utterances):
        self.fault()
        if self.gate is not None:
            self.at_gate.set()
            self.gate.wait(TIME_LIMIT_S)
        self.batches.append(list(utterances))
        return [SCORES] * len(utterances)


def finish(pipeline, seconds=0.0, meanwhile=lambda: None):
    """Run a pipeline that must not hang, and do something after so long; returns what it raised."""
    raised = []

    def run():
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    timer, thread = Timer(seconds, meanwhile), Thread(target=run, daemon=True)
    timer.start()
    thread.start()
    thread.join(TIME_LIMIT_S)
    assert not thread.is_alive(), "the pipeline hangs"
    timer.join()
    return raised[0] if raised else None


def build(source, outputs, **options):
    usual = {"roles": ROLES, "transcriber": FakeTranscriber(), "scorer": FakeScorer(), "segmentation": SETTINGS}
    return Pipeline(source, outputs=outputs, **{**usual, **options})


def rows_of(sound, **options):
    rows = []
    assert finish(build(FakeSource(sound), [rows.append], **options)) is None
    return rows


def broken(stage, at, sound, output=lambda turn: None, error=None, kind=FakeSource, pause_s=0.0, **options):
    """A pipeline whose one part fails at its n-th call."""
    fault = Fault(at, error)
    if stage == "scorer":
        options["scorer"] = FakeScorer(fault)
    elif stage in ("listen", "feed", "finish"):
        options["transcriber"] = FakeTranscriber(**{stage: fault})
    source = kind(sound, fault=fault if stage == "source" else None, pause_s=pause_s)

    def failing(turn):
        fault()
        output(turn)

    return build(source, [failing if stage == "output" else output], **options)
