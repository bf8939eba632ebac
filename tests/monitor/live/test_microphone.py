"""The microphone for real: PortAudio, ALSA and a sound server, on a machine without sound hardware."""

import atexit
import threading
import time

import pytest
from waiting import wait_until

from monitor.sources import port_audio
from monitor.sources.microphone import Microphone
from stser_core.errors import DeviceError

pytestmark = pytest.mark.slow

RATE = 16_000


@pytest.fixture
def heard_by(monkeypatch):
    """Make a virtual microphone the one that PortAudio knows in this process."""

    def use(microphone):
        for name, value in microphone.environment.items():
            monkeypatch.setenv(name, value)
        port_audio.look_again()

    yield use
    import sounddevice

    atexit.register(sounddevice._exit_handler)


class Reading:
    """Reads a microphone in a thread of its own, and keeps all blocks and what ended it."""

    def __init__(self, microphone):
        self.microphone = microphone
        self.blocks = []
        self.error = None
        self.ended_s = None
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

    def join(self, seconds=5.0):
        self._thread.join(seconds)
        assert not self._thread.is_alive()


def test_the_default_input_is_listed_and_found(shared_microphone, heard_by):
    heard_by(shared_microphone)

    listed = port_audio.inputs()

    assert {"default", "pulse"} <= {device.name for device in listed}
    assert [device.name for device in listed if device.default] == ["default"]
    assert port_audio.find("mic").name == "default"
    assert port_audio.find("PULS").name == "pulse"


def test_a_server_that_hangs_is_reported_and_does_not_hold_up_the_end(own_microphone, heard_by):
    heard_by(own_microphone)
    complaints = []
    reading = Reading(Microphone("mic", complain=complaints.append))

    own_microphone.freeze()
    frozen = time.monotonic()
    wait_until(lambda: complaints)
    reading.microphone.stop()
    reading.join()
    own_microphone.thaw()

    assert 1.5 < reading.ended_s - frozen < 5
    assert "delivers nothing" in complaints[0]


def test_an_input_given_by_its_number_is_found_again_by_its_name(own_microphone, heard_by):
    heard_by(own_microphone)
    number = port_audio.find("pulse").index
    reading = Reading(Microphone(str(number)))

    own_microphone.kill()
    wait_until(lambda: reading.microphone.waiting)
    own_microphone.start()
    wait_until(lambda: not reading.microphone.waiting)
    reading.microphone.stop()
    reading.join()

    assert reading.microphone.name == "pulse"
    assert reading.error is None


def test_more_channels_than_there_are_is_not_available(shared_microphone, heard_by):
    heard_by(shared_microphone)

    with pytest.raises(DeviceError, match="has 32 channels, but 99 were asked for"):
        Microphone("mic", channels=99)
