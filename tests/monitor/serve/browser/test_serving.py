"""The page of the server itself, while real calls go on: a recording that is streamed, and a browser's microphone."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.callers import Pcm, Sound, Twilio, play
from benchmarks.serving import Serving
from monitor.cli import main
from monitor.timeline.file import read_timeline

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


def test_the_microphone_of_a_browser_becomes_a_line_with_rows(chromium, tmp_path, data, scratch_checkpoint):
    options = ("--asr", "none", "--checkpoint", str(scratch_checkpoint))
    with Serving(tmp_path, options) as serving:
        page = chromium.new_page()
        page.goto(serving.url)
        page.get_by_role("button", name="Use this microphone").click()
        playwright.expect(page.locator("#lines .lane")).to_have_count(1, timeout=SOON_MS)
        page.locator("#lines .lane").click()
        playwright.expect(page.locator("#transcript .turn")).to_have_count(3, timeout=SOON_MS)
        assert page.locator("#lines .name").inner_text().endswith("microphone")
        page.get_by_role("button", name="Stop the microphone").click()
        playwright.expect(page.get_by_role("link", name="Report of")).to_be_visible(timeout=SOON_MS)
    call, replayed = data / "calls" / "auto_repair_call_8k_mono.wav", tmp_path / "replayed.csv"
    assert main(["replay", str(call), *options, "--quiet", "--csv", str(replayed)]) == 0
    (timeline,) = serving.folder.glob("*.csv")
    rows, expected = (
        np.array([(row.start_s, row.end_s) for row in read_timeline(path).turns[:3]]) for path in (timeline, replayed)
    )
    late = rows[0, 1] - expected[0, 1]  # the browser's microphone may have begun a moment before the line did
    assert rows - late == pytest.approx(expected, abs=0.06)


def test_a_streamed_recording_appears_while_it_plays(chromium, tmp_path, data, whisper_model):
    """It also takes the picture of the page."""

    async def one(serving, kind, path, name, start_s, seconds):
        sound = Sound.read(data / "calls" / path)
        async with kind.call(serving.sockets, name, sound.channels) as caller:
            await play(caller, sound, seconds, start=round(50 * start_s))
            await caller.hang_up()

    async def stream(serving):
        """Until the server ends."""
        await asyncio.gather(
            one(serving, Pcm, "auto_repair_call_8k_stereo.flac", "garage-earlier", 45.0, 12.0),
            one(serving, Twilio, "auto_repair_call_8k_stereo.flac", "CA7d2f90", 0.0, 300.0),
            one(serving, Pcm, "auto_repair_call_8k_mono.wav", "counter-2", 112.0, 300.0),
            one(serving, Twilio, "two_speakers_16k_mono.wav", "CA51c8ae", 0.0, 300.0),
            return_exceptions=True,
        )

    options = ("--asr", f"whisper:{whisper_model}:en", "--alert", "angry>0.6")
    with ThreadPoolExecutor(1) as threads, Serving(tmp_path, options) as serving:
        page = chromium.new_page(viewport={"width": 1360, "height": 900})
        page.goto(serving.url)
        threads.submit(lambda: asyncio.run(stream(serving)))
        page.locator("#lines .lane", has=page.get_by_text("CA7d2f90")).click(timeout=SOON_MS)
        playwright.expect(page.locator("#transcript .turn")).not_to_have_count(0, timeout=SOON_MS)
        playwright.expect(page.locator("#transcript .words").first).not_to_be_empty(timeout=SOON_MS)
        playwright.expect(page.locator("#ended li")).to_have_count(1, timeout=SOON_MS)
        if wanted := os.environ.get(PICTURE):
            playwright.expect(page.locator("#alert-list li")).to_have_count(1, timeout=SOON_MS)
            page.wait_for_timeout(25_000)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=wanted)
            assert Path(wanted).stat().st_size < 300_000
