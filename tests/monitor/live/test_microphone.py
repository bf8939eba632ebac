"""The microphone for real: PortAudio, ALSA and a sound server, on a machine without sound hardware."""

import atexit
import signal
import threading
import time

import numpy as np
import pytest
from waiting import wait_until

from monitor.sources import port_audio
from monitor.sources.microphone import Microphone
from monitor.sources.port_audio import SystemInput
from stser_core.errors import DeviceError

pytestmark = pytest.mark.slow

RATE = 16_000


@pytest.fixture
def virtual(microphone, monkeypatch):
    """A virtual microphone, the one that PortAudio knows in this process."""
    import sounddevice

    for name, value in microphone.environment.items():
        monkeypatch.setenv(name, value)
    sounddevice._terminate()
    sounddevice._initialize()
    yield microphone
    atexit.register(sounddevice._exit_handler)


class Reading:
    """Reads a microphone in a thread of its own, and keeps all blocks and what ended it."""

    def __init__(self, microphone):
        self.microphone, self.blocks = microphone, []
        self.error = self.ended_s = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_until(lambda: self.blocks)

    def _read(self):
        try:
            for block in self.microphone.blocks():
                self.blocks.append(block)
        except DeviceError as error:
            self.error = error
        self.ended_s = time.monotonic()

    def stop(self):
        self.microphone.stop()
        self._thread.join(5)
        assert not self._thread.is_alive()

    @property
    def sound(self):
        """All that was heard, zeros where something was lost."""
        sound = np.zeros(self.blocks[-1].end, dtype=np.float32)
        for block in self.blocks:
            sound[block.start : block.end] = block.samples[0]
        return sound


def tone(frequency, seconds):
    times = np.arange(round(seconds * RATE)) / RATE
    return 0.5 * np.sin(2 * np.pi * frequency * times)


def sounding(sound):
    """Where it is not silent, in seconds: (start, end) of each stretch, pauses below 50 ms being none."""
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    breaks = np.flatnonzero(np.diff(loud) > 0.05 * RATE)
    starts, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return [(start / RATE, end / RATE) for start, end in zip(starts, ends, strict=True)]


def frequency(samples):
    """The strongest frequency in Hz, and its share of the energy."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    peak = int(power.argmax())
    return peak * RATE / len(samples), power[peak - 3 : peak + 4].sum() / power.sum()


def test_the_default_input_is_listed_and_found(virtual):
    listed = port_audio.inputs()

    assert {"default", "pulse"} <= {device.name for device in listed}
    assert [device.name for device in listed if device.default] == ["default"]
    assert port_audio.find("mic").name == "default"
    assert port_audio.find("PULS").name == "pulse"
    with pytest.raises(DeviceError, match="has 32 channels, but 99 were asked for"):
        SystemInput("mic", 99)


def test_what_is_played_is_heard_at_the_right_time(virtual, write_wav, tmp_path):
    path = write_wav(tmp_path / "speech.wav", np.concatenate([tone(440, 0.8), np.zeros(RATE // 2), tone(1000, 0.6)]))

    reading = Reading(Microphone(SystemInput("mic")))
    virtual.play(path).wait(10)
    time.sleep(0.3)
    reading.stop()

    (first, first_end), (second, second_end) = sounding(reading.sound)
    assert first_end - first == pytest.approx(0.8, abs=0.02)
    assert second - first_end == pytest.approx(0.5, abs=0.02)
    assert second_end - second == pytest.approx(0.6, abs=0.02)
    for start, end, expected in ((first, first_end, 440), (second, second_end, 1000)):
        heard, purity = frequency(reading.sound[round((start + 0.05) * RATE) : round((end - 0.05) * RATE)])
        assert heard == pytest.approx(expected, abs=3)
        assert purity > 0.99
    assert all(block.samples.dtype == np.float32 for block in reading.blocks)


def test_a_server_that_hangs_is_reported_and_does_not_hold_up_the_end(virtual):
    complaints = []
    reading = Reading(Microphone(SystemInput("mic"), complain=complaints.append))

    virtual.server.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    wait_until(lambda: complaints)
    reading.stop()
    virtual.server.send_signal(signal.SIGCONT)

    assert 1.5 < reading.ended_s - frozen < 5
    assert "delivers nothing" in complaints[0]


def test_an_input_given_by_its_number_is_found_again_by_its_name(virtual):
    number = port_audio.find("pulse").index
    reading = Reading(Microphone(SystemInput(str(number))))

    virtual.kill()
    wait_until(lambda: reading.microphone.waiting)
    virtual.start()
    wait_until(lambda: not reading.microphone.waiting)
    reading.stop()

    assert reading.microphone.name == "pulse"
    assert reading.error is None
