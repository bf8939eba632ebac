"""Both presets are configuration of the one model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stser_core.errors import UsageError
from stser_core.features import pad
from stser_core.presets import COMPACT, PAPER, preset
from stser_core.scores import CLASSIFIERS
from stser_core.stser import SpeechBatch, Stser, TextBatch


@pytest.mark.parametrize("name", ["paper", "compact"])
def test_a_preset_builds_and_answers(name, settings, tokenizer):
    """With a small ALBERT in place of the encoder that training fetches."""
    chosen = preset(name)
    chosen = replace(chosen, text=replace(chosen.text, albert=settings.text.albert))
    encoded = tokenizer(["hello"])
    sound = SpeechBatch(*pad([torch.randn(8_000).numpy()]))

    out = Stser(chosen).eval()(sound, TextBatch(encoded.pieces, encoded.mask))

    assert tuple(out.logits) == CLASSIFIERS
    assert all(torch.isfinite(one).all() for one in out.logits.values())


def test_the_paper_preset_is_as_published():
    assert len(PAPER.speech.blocks) == 1
    assert PAPER.speech.heads == 4
    assert PAPER.features.mel_bands == 64
    assert PAPER.text.encoder == "albert-base-v2"


def test_the_compact_preset_is_smaller():
    def speech_size(chosen):
        model = Stser(replace(chosen, text=None, classifiers=("speech",)))
        return sum(weight.numel() for weight in model.parameters())

    assert speech_size(COMPACT) < speech_size(PAPER)


def test_an_unknown_preset():
    with pytest.raises(UsageError, match="no preset 'large'; there are paper, compact"):
        preset("large")
