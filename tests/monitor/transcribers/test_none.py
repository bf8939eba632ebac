"""The transcriber that understands nothing."""

import numpy as np

from monitor.transcribers.none import NoTranscriber


def test_gives_no_transcript_rather_than_an_empty_one():
    listening = NoTranscriber().listen(1.0)
    listening.feed(np.ones(1600, np.float32))
    assert listening.partial() == ""
    assert listening.finish() is None
