"""What the package says of itself."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_weights_licence_is_among_those_of_the_package():
    (package,) = re.findall(r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    cards = (ROOT / "checkpoints").glob("*/README.md")
    weights = {re.findall(r"^license: (.+)$", card.read_text(), re.MULTILINE)[0] for card in cards}

    assert weights <= set(package.lower().split(" and "))
