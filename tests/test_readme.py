"""What the README tells a developer to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_example_passes_a_type_checker(tmp_path):
    example = tmp_path / "example.py"
    example.write_text((ROOT / "README.md").read_text().split("```python\n")[1].partition("```")[0])

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", example], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
