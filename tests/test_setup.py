"""scripts/setup: which build of torch it installs, from a local index."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

NO_GPU = sys.platform == "linux" and not Path("/dev/nvidiactl").exists()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not NO_GPU, reason="Linux without an NVIDIA GPU")]


@pytest.fixture
def index(tmp_path, served):
    """A package index (PEP 503) with wheels that hold nothing."""
    for name in ("torch", "torchaudio"):
        folder = tmp_path / "simple" / name
        folder.mkdir(parents=True)
        wheel = f"{name}-99.0+cpu-py3-none-any.whl"
        files = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0+cpu\n", "RECORD": ""}
        files["WHEEL"] = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(folder / wheel, "w") as file:
            for kind, text in files.items():
                file.writestr(f"{name}-99.0+cpu.dist-info/{kind}", text)
        (folder / "index.html").write_text(f'<a href="{wheel.replace("+", "%2B")}">{wheel}</a>')
    return f"{served}/simple"


def install_torch(folder: Path, index: str) -> tuple[str, str]:
    """The version that is installed into a new environment, and what is said."""
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    script = f"source '{ROOT}/scripts/setup'; cd '{folder}'; torch_index={index}; install_torch; torch_version || true"
    environment = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip(), done.stderr


def test_the_build_for_cpus_is_installed_where_its_index_can_be_reached(tmp_path, index):
    version, said = install_torch(tmp_path, index)

    assert version == "99.0+cpu"
    assert "0.7 GB" in said and "5 GB" not in said


def test_else_pip_is_left_to_find_one(tmp_path):
    version, said = install_torch(tmp_path, "http://127.0.0.1:9/simple")

    assert version == ""
    assert "127.0.0.1:9" in said and "5 GB" in said
