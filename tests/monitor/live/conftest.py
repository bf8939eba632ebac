"""A sound server of the tests' own, with a microphone into which clips can be played: no hardware is needed."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RATE = 16_000

_LISTENING_S = 0.8

ALSA_SETTINGS = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


class VirtualMicrophone:
    """PulseAudio with a sink that goes nowhere; what is played into it is what the default input hears.

    Attributes:
        environment: What a process needs so that this is its only sound server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = folder / "asound.conf"
        settings.write_text(ALSA_SETTINGS)
        self._socket = folder / "sock"
        self._server: subprocess.Popen[bytes] | None = None
        self._waker: subprocess.Popen[bytes] | None = None
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_COOKIE": str(folder / "cookie"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(settings),
        }

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        arguments = [
            *("--exit-idle-time=-1", "--disable-shm=yes", "--daemonize=no"),
            f"--load=module-native-protocol-unix socket={self._socket}",
            f"--load=module-null-sink sink_name=vmic rate={RATE} channels=1",
        ]
        with (self._folder / "pulseaudio.log").open("ab") as log:
            self._server = subprocess.Popen(
                ["pulseaudio", "-n", *arguments], env=self._whole_environment(), stdout=log, stderr=log
            )
        self._wait_until_it_answers()
        # A sink that nobody records works in steps of two seconds; one that somebody records at once, in short ones.
        self._waker = subprocess.Popen(
            ["parec", "--latency-msec=20", "--device=vmic.monitor"],
            env=self._whole_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Start to say something."""
        return subprocess.Popen(["paplay", "--latency-msec=100", str(path)], env=self._whole_environment())

    def wait_for_listeners(self, count: int, seconds: float = 90.0) -> None:
        """Wait until so many programs have been recording for a while; one that tries a device does so only briefly."""
        deadline = time.monotonic() + seconds
        since: dict[str, float] = {}
        while sum(time.monotonic() - first > _LISTENING_S for first in since.values()) < count:
            if time.monotonic() > deadline:
                pytest.fail(f"Not {count} programs listen to the virtual microphone.")
            time.sleep(0.1)
            listed = subprocess.run(
                ["pactl", "list", "short", "source-outputs"],
                env=self._whole_environment(),
                capture_output=True,
                check=True,
            )
            # The first column is a number of its own for each; the waker has one, too.
            present = [line.split()[0] for line in listed.stdout.decode().splitlines()][1:]
            since = {number: since.get(number, time.monotonic()) for number in present}

    def freeze(self) -> None:
        """Let it hang as a driver does that waits for its device."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Take the device away."""
        for process in (self._waker, self._server):
            if process is not None:
                process.kill()
                process.wait()
        self._server = self._waker = None

    def _signal(self, number: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(number)

    def _whole_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            info = subprocess.run(["pactl", "info"], env=self._whole_environment(), capture_output=True, check=False)
            if info.returncode == 0:
                return
            time.sleep(0.05)
        pytest.fail("pulseaudio does not answer: " + (self._folder / "pulseaudio.log").read_text())


@pytest.fixture(scope="session")
def virtual_microphones(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], VirtualMicrophone]:
    """Make a virtual microphone that does not run yet."""
    missing = [name for name in ("pulseaudio", "paplay", "parec", "pactl") if shutil.which(name) is None]
    if missing:
        pytest.fail(
            f"{', '.join(missing)} not found; scripts/setup dev installs what the virtual microphone needs (on Debian "
            "and Ubuntu: pulseaudio, pulseaudio-utils, libasound2-plugins, libportaudio2)."
        )

    def make() -> VirtualMicrophone:
        # Names of sockets are short.
        folder = tmp_path_factory.mktemp("mic")
        folder.chmod(0o700)
        return VirtualMicrophone(folder)

    return make


@pytest.fixture(scope="module")
def shared_microphone(virtual_microphones: Callable[[], VirtualMicrophone]) -> Iterator[VirtualMicrophone]:
    """A virtual microphone that runs; whoever uses it leaves it as it is."""
    microphone = virtual_microphones()
    microphone.start()
    yield microphone
    microphone.kill()


@pytest.fixture
def own_microphone(virtual_microphones: Callable[[], VirtualMicrophone]) -> Iterator[VirtualMicrophone]:
    """A virtual microphone that runs and may be killed."""
    microphone = virtual_microphones()
    microphone.start()
    yield microphone
    with contextlib.suppress(ProcessLookupError):
        microphone.thaw()
    microphone.kill()
