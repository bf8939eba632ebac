"""A sound server of the tests' own, with a microphone into which clips can be played: no hardware is needed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

RATE = 16_000
PROGRAMS = ("pulseaudio", "paplay", "parec", "pactl")

_LISTENING_S = 0.8


class VirtualMicrophone:
    """PulseAudio with a sink that goes nowhere; what is played into it is what the default input hears.

    Attributes:
        environment: What a process needs so that this is its only sound server.
        server: PulseAudio's process.
    """

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        settings = folder / "asound.conf"
        settings.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n")
        self._log = folder / "pulseaudio.log"
        self._socket = folder / "sock"
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_COOKIE": str(folder / "cookie"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(settings),
        }
        self.start()

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        protocol = f"--load=module-native-protocol-unix socket={self._socket}"
        sink = f"--load=module-null-sink sink_name=vmic rate={RATE} channels=1"
        with self._log.open("ab") as log:
            stay = ("--exit-idle-time=-1", "--disable-shm=yes", "--daemonize=no")
            self.server = self._begin("pulseaudio", "-n", *stay, protocol, sink, stdout=log, stderr=log)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        wait_until(lambda: self._begin("pactl", "info", **quiet).wait() == 0)
        # A sink that nobody records works in steps of two seconds; one that somebody records at once, in short ones.
        self._waker = self.record("--latency-msec=20", **quiet)

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Start to say something."""
        return self._begin("paplay", "--latency-msec=100", str(path))

    def record(self, *arguments: str, **streams: object) -> subprocess.Popen[bytes]:
        """Start to hear what the microphone hears."""
        return self._begin("parec", "--device=vmic.monitor", *arguments, **streams)

    def wait_for_listeners(self, count: int) -> None:
        """Wait until so many programs have been recording for a while; one that tries a device does so only briefly."""
        deadline, since = time.monotonic() + 90, {}
        while sum(time.monotonic() - first > _LISTENING_S for first in since.values()) < count:
            assert time.monotonic() < deadline, f"not {count} programs listen to the virtual microphone"
            time.sleep(0.1)
            listed, _ = self._begin("pactl", "list", "short", "source-outputs", stdout=subprocess.PIPE).communicate()
            # The first column is a number of its own for each; the waker has one, too.
            present = [line.split()[0] for line in listed.splitlines()][1:]
            since = {number: since.get(number, time.monotonic()) for number in present}

    def kill(self) -> None:
        """Take the device away."""
        for process in (self._waker, self.server):
            process.kill()
            process.wait()

    def _begin(self, *command: str, **streams: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env={**os.environ, **self.environment}, **streams)


@pytest.fixture
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMicrophone]:
    """A virtual microphone that runs and may be killed."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.fail(
            f"{', '.join(missing)} not found; scripts/setup dev installs what the virtual microphone needs (on Debian "
            "and Ubuntu: pulseaudio, pulseaudio-utils, libasound2-plugins, libportaudio2)."
        )
    virtual = VirtualMicrophone(tmp_path_factory.mktemp("mic"))  # names of sockets are short
    yield virtual
    virtual.kill()
