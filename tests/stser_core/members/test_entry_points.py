"""A member that somebody writes outside this project: a real distribution in a folder of its own."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core import checkpoint
from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError
from stser_core.members.listing import Listed
from stser_core.recognizer import Recognizer
from stser_core.scores import Spoken

CODE = """
import torch
from stser_core.members.member import Needs

class Loud:
    needs = Needs(samples=True, log_mel=True)

    def __init__(self, parts):
        self.name = parts.name
        self.level = parts.settings["level"]
        self.weights = parts.weights["labels"]

    def to(self, accelerator):
        self.weights = self.weights.to(accelerator)

    def logits(self, batch):
        assert all(one.text is None and one.encoding is None for one in batch)
        assert all(one.log_mel.shape[0] == 24 for one in batch)
        loud = torch.tensor([float(abs(one.samples).max() > self.level) for one in batch])
        return loud[:, None] * self.weights

class Broken(Loud):
    def logits(self, batch):
        return torch.zeros(len(batch), 3)

class Clueless(Loud):
    def logits(self, batch):
        return torch.full((len(batch), 4), torch.nan)

class Listless(Loud):
    def logits(self, batch):
        return [[0.0] * 4 for one in batch]

class Impossible:
    def __init__(self, parts):
        raise RuntimeError("the moon is full")
"""
ENTRY_POINTS = """[stser_core.members]
loudness = loud_member:Loud
broken = loud_member:Broken
clueless = loud_member:Clueless
listless = loud_member:Listless
impossible = loud_member:Impossible
gone = loud_member:Gone
"""


def install(site, code, entry_points, name="loud-member", version="1.0"):
    stem = name.replace("-", "_")
    info = site / f"{stem}-{version}.dist-info"
    info.mkdir(parents=True)
    (site / f"{stem}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def site(tmp_path, monkeypatch):
    install(tmp_path / "site", CODE, ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    yield tmp_path / "site"
    sys.modules.pop("loud_member", None)


@pytest.fixture
def shouting(plain, tmp_path):
    def add(kind="loudness", name="shouting"):
        folder = tmp_path / "shouting"
        weights = {"labels": torch.tensor([2.0, 0.0, -1.0, 0.0])}
        checkpoint.add_member(plain, folder, Listed(name, kind, {"level": 0.5}), weights)
        return folder

    return add


def tone(level):
    return Spoken((level * np.sin(np.arange(16_000) / 9)).astype(np.float32))


@pytest.mark.usefixtures("site")
def test_it_answers_in_the_ensemble(shouting):
    recognizer = Recognizer.load(shouting(), classifier="speech+shouting", accelerator="cpu")

    loud, quiet, wordy = recognizer.score([tone(0.9), tone(0.1), Spoken(np.zeros(0, np.float32), "hello")])

    assert tuple(loud.by_classifier) == ("speech", "shouting")
    assert loud.emotion_of("shouting") == "angry"
    assert loud.by_classifier["shouting"] == pytest.approx(torch.tensor([2.0, 0.0, -1.0, 0.0]).softmax(0).tolist())
    assert quiet.by_classifier["shouting"] == pytest.approx([1 / len(LABELS)] * len(LABELS))
    assert wordy is None
    assert recognizer.answering(text=False) == ("speech", "shouting")


def test_the_example_of_the_documentation_works(plain, tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "members.md").read_text()
    code, _ = (block.partition("```")[0] for block in page.split("```python\n")[1:])
    (registration,) = (block.partition("```")[0] for block in page.split("```toml\n")[1:])
    name, value = re.findall(r'^(\w+) = "(.*)"$', registration, re.MULTILINE)[0]
    install(tmp_path / "site", code, f"[stser_core.members]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    listed = Listed("loud", name, {"level": 0.5}, package="loud-member")
    checkpoint.add_member(plain, tmp_path / "louder", listed, {"answer": torch.tensor([2.0, 0.0, -1.0, 0.0])})

    recognizer = Recognizer.load(tmp_path / "louder", accelerator="cpu")
    loud, quiet = (one.by_classifier["loud"] for one in recognizer.score([tone(0.9), tone(0.1)]))
    sys.modules.pop("loud_member")

    assert loud == pytest.approx(torch.tensor([2.0, 0.0, -1.0, 0.0]).softmax(0).tolist())
    assert quiet == pytest.approx([1 / len(LABELS)] * len(LABELS))


def test_without_its_package_one_sentence_says_so(shouting):
    with pytest.raises(CheckpointError, match=r"'shouting' is of the kind 'loudness', which no installed package"):
        Recognizer.load(shouting())


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("impossible", r"'shouting' cannot be made \(the moon is full\)"),
        ("gone", r"'gone' of loud-member cannot be loaded"),
    ],
)
def test_a_package_that_fails_is_named(shouting, kind, message):
    with pytest.raises(CheckpointError, match=message):
        Recognizer.load(shouting(kind))


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("broken", r"'shouting' gave no logits of 4 labels for 1 .* shape \(1, 3\)"),
        ("clueless", r"'shouting' gave logits that are no numbers"),
        ("listless", r"'shouting' failed \(AttributeError: 'list' object has no attribute 'detach'\)"),
    ],
)
def test_an_answer_that_is_none_is_refused(shouting, kind, message):
    with pytest.raises(CheckpointError, match=message):
        Recognizer.load(shouting(kind), accelerator="cpu").score([tone(0.5)])


def test_two_packages_for_one_kind_are_named(site, shouting):
    install(site, CODE, ENTRY_POINTS.replace("loud_member", "other_member"), "other-member")
    importlib.invalidate_caches()

    with pytest.raises(CheckpointError, match=r"Several packages provide the member kind 'loudness': .*other-member"):
        Recognizer.load(shouting())
