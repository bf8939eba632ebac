"""What the project says of itself: the README's example, and the licence of the package."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_example_passes_a_type_checker(tmp_path):
    example = tmp_path / "example.py"
    example.write_text((ROOT / "README.md").read_text().split("```python\n")[1].partition("```")[0])

    mypy = [sys.executable, "-m", "mypy", example]
    checked = subprocess.run(mypy, cwd=ROOT, check=False, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_weights_licence_is_among_those_of_the_package():
    (package,) = re.findall(r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    cards = (ROOT / "checkpoints").glob("*/README.md")
    weights = {re.findall(r"^license: (.+)$", card.read_text(), re.MULTILINE)[0] for card in cards}

    assert weights <= set(package.lower().split(" and "))
