"""Which input a user means."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitor.sources import port_audio
from monitor.sources.port_audio import Device, SystemInput, find
from stser_core.errors import DeviceError

ROOT = Path(__file__).parents[3]

ALSA = (
    Device(0, "HDA Intel PCH: ALC257 (hw:0,0)", 2, 48_000, False, "ALSA"),
    Device(3, "USB Microphone: Audio (hw:1,0)", 1, 44_100, False, "ALSA"),
    Device(4, "pulse", 32, 44_100, False, "ALSA"),
    Device(5, "default", 32, 44_100, True, "ALSA"),
)
WINDOWS = (
    Device(0, "Microphone (USB)", 2, 44_100, True, "MME"),
    Device(5, "Microphone (USB)", 2, 44_100, False, "Windows DirectSound"),
    Device(9, "Microphone (USB)", 2, 48_000, False, "Windows WASAPI"),
    Device(10, "Microphone (Array)", 4, 48_000, False, "Windows WASAPI"),
)


LONGER = (Device(7, "pulse of the second seat", 2, 48_000, False, "ALSA"), *ALSA)


@pytest.mark.parametrize(
    ("typed", "devices", "index"),
    [
        *((typed, ALSA, 5) for typed in ("mic", "default")),
        *((typed, ALSA, 3) for typed in ("3", "usb", "Microphone: AUDIO")),
        ("0", ALSA, 0),
        ("PULSE", LONGER, 4),  # a whole name goes before parts of others
        ("usb", WINDOWS, 0),  # among several interfaces the default input's is taken
        ("microphone (usb), windows wasapi", WINDOWS, 9),
    ],
)
def test_found_by_default_index_or_part_of_the_name(typed, devices, index, monkeypatch):
    monkeypatch.setattr(port_audio, "inputs", lambda: devices)
    assert find(typed).index == index


@pytest.mark.parametrize(
    ("typed", "devices", "said"),
    [
        ("headset", ALSA, "'headset'.* 0 'HDA Intel PCH: .*, 5 'default, ALSA'"),
        ("1", ALSA, "the index 1; there are: 0 "),
        ("u", ALSA, ".*3 'USB Microphone: Audio .*4 'pulse, ALSA'"),
        ("mic", ALSA[:2], "default; there are: 0 "),
        ("mic", (), "'--device -'"),
    ],
)
def test_none_or_several_are_named(typed, devices, said, monkeypatch):
    monkeypatch.setattr(port_audio, "inputs", lambda: devices)
    with pytest.raises(DeviceError, match=said):
        find(typed)


@pytest.mark.parametrize(("asked", "there", "taken"), [(None, 1, 1), (None, 8, 2), (1, 8, 1)])
def test_what_is_to_be_mixed_are_two_channels_or_the_only_one(asked, there, taken, monkeypatch):
    library = SimpleNamespace(check_input_settings=lambda *_, **__: None, PortAudioError=OSError)
    monkeypatch.setattr(port_audio, "port_audio", lambda: library)
    monkeypatch.setattr(port_audio, "inputs", lambda: (Device(0, "USB", there, 48_000, True),))
    assert SystemInput("mic", asked).channels == taken


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["devices"], ["--device", "mic", "--asr", "none"]])
def test_without_port_audio_the_package_to_install_is_named(tmp_path, arguments):
    # This is what the package does where the library is missing.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    run = subprocess.run(
        [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())", *arguments],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "apt-get install libportaudio2" in run.stderr
