"""The page of the server itself, while real calls go on: a recording that is streamed, and a browser's microphone."""

import asyncio
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechEnded
from monitor.segmenter.segmenter import Segmenter
from monitor.timeline.file import read_timeline
from stser_core.audio import load_mono

pytest.importorskip("starlette")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.slow

PICTURE = "STSER_PICTURE"
"""Names the file that the picture of the page goes to; see docs/pictures."""
SOON_MS = 90_000


@pytest.fixture
def chromium(launch, data):
    """A browser whose microphone hears the call of the garage."""
    call = data / "calls" / "auto_repair_call_8k_mono.wav"
    fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    return launch(*fake, f"--use-file-for-fake-audio-capture={call}")


def turns(path):
    """Where the turns of a recording start and end."""
    sound = load_mono(path)[None]
    segmenter = Segmenter(1)
    step = SAMPLE_RATE // 10
    blocks = (AudioBlock(start, sound[:, start : start + step]) for start in range(0, sound.shape[1], step))
    events = [event for block in blocks for event in segmenter.feed(block)] + segmenter.flush()
    return [(one.utterance.start_s, one.utterance.end_s) for one in events if isinstance(one, SpeechEnded)]


def test_the_microphone_of_a_browser_becomes_a_line_with_rows(chromium, tmp_path, data, scratch_checkpoint):
    from benchmarks.serving import Serving

    with Serving(tmp_path, ("--asr", "none", "--checkpoint", str(scratch_checkpoint))) as serving:
        page = chromium.new_page()
        page.goto(serving.url)
        page.get_by_role("button", name="Use this microphone").click()
        playwright.expect(page.locator("#lines .lane")).to_have_count(1, timeout=SOON_MS)
        page.locator("#lines .lane").click()
        playwright.expect(page.locator("#transcript .turn")).to_have_count(3, timeout=SOON_MS)
        assert page.locator("#lines .name").inner_text().endswith("microphone")
        page.get_by_role("button", name="Stop the microphone").click()
        playwright.expect(page.get_by_role("link", name="Report of")).to_be_visible(timeout=SOON_MS)
    (timeline,) = serving.folder.glob("*.csv")
    rows = np.array([(row.start_s, row.end_s) for row in read_timeline(timeline).turns[:3]])
    expected = np.array(turns(data / "calls" / "auto_repair_call_8k_mono.wav")[:3])
    late = rows[0, 1] - expected[0, 1]  # the browser's microphone may have begun a moment before the line did
    assert rows - late == pytest.approx(expected, abs=0.06)


def test_a_streamed_recording_appears_while_it_plays(chromium, tmp_path, data, whisper_model):
    """It also takes the picture of the page."""
    from benchmarks.callers import Pcm, Sound, Twilio, play
    from benchmarks.serving import Serving

    words = ("--asr", f"whisper:{whisper_model}:en")
    alert = ("--alert", "angry>0.6")
    calls = data / "calls"

    async def stream(serving, ended):
        async def one(kind, path, name, start_s, seconds):
            sound = Sound.read(calls / path)
            async with kind.call(serving.sockets, name, sound.channels) as caller:
                playing = asyncio.create_task(play(caller, sound, seconds, start=round(50 * start_s)))
                while not playing.done() and not ended.is_set():
                    await asyncio.sleep(0.1)
                playing.cancel()
                await caller.hang_up()

        await asyncio.gather(
            one(Pcm, "auto_repair_call_8k_stereo.flac", "garage-earlier", 45.0, 12.0),
            one(Twilio, "auto_repair_call_8k_stereo.flac", "CA7d2f90", 0.0, 300.0),
            one(Pcm, "auto_repair_call_8k_mono.wav", "counter-2", 112.0, 300.0),
            one(Twilio, "two_speakers_16k_mono.wav", "CA51c8ae", 0.0, 300.0),
        )

    with Serving(tmp_path, (*words, *alert)) as serving:
        page = chromium.new_page(viewport={"width": 1360, "height": 900})
        page.goto(serving.url)
        ended = threading.Event()
        streaming = threading.Thread(target=lambda: asyncio.run(stream(serving, ended)))
        streaming.start()
        try:
            lane = page.locator("#lines .lane", has=page.get_by_text("CA7d2f90"))
            lane.click(timeout=SOON_MS)
            playwright.expect(page.locator("#transcript .turn")).not_to_have_count(0, timeout=SOON_MS)
            playwright.expect(page.locator("#transcript .words").first).not_to_be_empty(timeout=SOON_MS)
            playwright.expect(page.locator("#ended li")).to_have_count(1, timeout=SOON_MS)
            if wanted := os.environ.get(PICTURE):
                playwright.expect(page.locator("#alert-list li")).to_have_count(1, timeout=SOON_MS)
                page.wait_for_timeout(25_000)
                page.evaluate("scrollTo(0, 0)")
                page.screenshot(path=wanted)
                assert Path(wanted).stat().st_size < 300_000
        finally:
            ended.set()
            streaming.join()
