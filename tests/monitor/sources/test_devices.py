"""Which input a user means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.sources.port_audio import Device, find
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


@pytest.mark.parametrize(
    ("typed", "index"),
    [("mic", 5), ("3", 3), ("0", 0), ("usb", 3), ("PULSE", 4), ("Microphone: AUDIO", 3), ("default", 5)],
)
def test_found_by_default_index_or_part_of_the_name(typed, index):
    assert find(typed, ALSA).index == index


def test_a_whole_name_goes_before_parts_of_others():
    longer = Device(7, "pulse of the second seat", 2, 48_000, False, "ALSA")
    assert find("pulse", (longer, *ALSA)).index == 4


def test_among_several_interfaces_the_default_inputs_is_taken():
    assert find("usb", WINDOWS).index == 0
    assert find("microphone (usb), windows wasapi", WINDOWS).index == 9


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("headset", "No input has 'headset' in its name; there are: 0 'HDA Intel PCH: .*, 5 'default, ALSA'"),
        ("1", "No input has the index 1; there are: 0 "),
        (
            "u",
            "Several inputs fit: .*3 'USB Microphone: Audio .*4 'pulse, ALSA'.*; give more of the name, or the index",
        ),
    ],
)
def test_none_or_several_are_named(typed, said):
    with pytest.raises(DeviceError, match=said):
        find(typed, ALSA)


def test_without_a_default_there_is_not_a_mic():
    with pytest.raises(DeviceError, match="No input is the system's default; there are: 0 "):
        find("mic", ALSA[:2])


def test_without_any_input_there_is_a_way_out():
    with pytest.raises(DeviceError, match="input device was found; connect a microphone, or give '--device -'"):
        find("mic", ())


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
