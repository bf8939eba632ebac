"""Every baseline learns what can be learnt, from what it reads alone, and answers alike under one seed."""

import random
import sys
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from iemocap_sample import tone
from making import clip, write_wav

from stser_core.config import SAMPLE_RATE
from stser_core.emotions import LABELS
from stser_core.errors import DataError, MissingExtraError, OutputError, UsageError
from stser_core.training.baselines import BASELINES, baselines_of
from stser_core.training.baselines.baseline import functionals, prosody_columns, targets, usable
from stser_core.training.baselines.networks import FEATURES, AlignedEncoder, DualEncoder, NetworkBaseline
from stser_core.training.caches import SoundCache
from stser_core.training.loop import LoopConfig
from stser_core.training.splits import Fold

QUICK = LoopConfig(epochs=15, patience=8, learning_rate=1e-2)
NETWORKS = ("mdre", "att-align")
TELLING = {"angry": "stop hate", "happy": "wonderful love", "neutral": "office forms", "sad": "miss alone"}
IDLE = "well you know it is so"


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    """Clips whose answer can be learnt from their sound, whose pitch belongs to the emotion, or from their text.

    Folds of three speakers to train on, one to validate with and one to test; and where their sound lies.
    """

    def play(by):
        rng, folder = random.Random(1), tmp_path_factory.mktemp(by)

        def clip_of(speaker, label, take):
            path = folder / f"{speaker}-{label}-{take}.wav"
            write_wav(path, tone(label if by == "sound" else "other", "M", rng))
            words = [rng.choice(some.split()) for some in (IDLE, TELLING[label] if by == "text" else IDLE, IDLE)]
            text = " ".join(words).capitalize() + "."
            return clip(path.stem, path=path, text=text, label=label, speaker=speaker, corpus="stage")

        parts = [
            tuple(clip_of(speaker, label, take) for speaker in who for label in LABELS for take in range(4))
            for who in ("abc", "d", "e")
        ]
        sounds = SoundCache([clip for part in parts for clip in part], folder)
        return SimpleNamespace(fold=Fold("one", *parts), sounds=sounds, cache=folder)

    return {by: play(by) for by in ("sound", "text")}


def quick(name):
    """The baseline, small enough for a test where it is a network."""
    made = baselines_of([name])[name]
    return replace(made, units=16, embedding=8, dropout=0.0, batch=8, loop=QUICK) if name in NETWORKS else made


def answer(name, play, fold=None, seed=0):
    baseline = quick(name)
    return baseline.answer(usable(fold or play.fold, baseline, play.sounds), play.sounds, play.cache, seed)


def test_an_unknown_baseline_or_a_missing_extra_is_named(monkeypatch):
    assert baselines_of(["MDRE"]) == baselines_of(["mdre"])
    with pytest.raises(UsageError, match=r"'svm'; choose from egemaps, tfidf, mdre, att-align"):
        baselines_of(["svm"])
    monkeypatch.setitem(sys.modules, "opensmile", None)
    for name in ("egemaps", "mdre"):
        with pytest.raises(MissingExtraError, match=r"\[baselines\]"):
            baselines_of([name])


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_clip_without_what_a_baseline_reads_is_left_out(name, part, plays):
    first, *others = getattr(plays["sound"].fold, part)
    for missing, value in (("text", None), ("text", "[LAUGHTER]"), ("path", None)):
        lacking = replace(plays["sound"].fold, **{part: (replace(first, **{missing: value}), *others)})
        reads = {"text": "text", "path": "sound"}[missing] in quick(name).reads
        left = getattr(usable(lacking, quick(name), plays["sound"].sounds), part)
        assert len(left) == len(others) + (not reads)


def test_what_is_not_learnt_is_never_answered_and_too_little_to_learn_or_stop_by_is_named(plays):
    fold = plays["sound"].fold
    silent = replace(fold, train=tuple(replace(clip, text=None) for clip in fold.train))
    sad = replace(fold, train=tuple(clip for clip in fold.train if clip.label == "sad"))
    for one, said in ((silent, "none of 48"), (sad, "all 12 of them are sad")):
        with pytest.raises(DataError, match=said):
            usable(one, quick("tfidf"), plays["sound"].sounds)
    blind = replace(fold, validation=tuple(replace(clip, text=None) for clip in fold.validation))
    with pytest.raises(DataError, match="no validation clip with sound and text"):
        answer("mdre", plays["sound"], blind)
    parts = {
        part: tuple(clip for clip in getattr(fold, part) if clip.label != "angry") for part in ("train", "validation")
    }
    never_learnt = answer("tfidf", plays["sound"], replace(fold, **parts)).argmax(axis=1)
    assert (never_learnt != LABELS.index("angry")).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told_by"), [("egemaps", "sound"), ("tfidf", "text"), *product(NETWORKS, ("sound", "text"))]
)
def test_it_learns_from_the_training_part_and_the_same_seed_answers_the_same(name, told_by, plays):
    play = plays[told_by]
    shifted = {label: LABELS[(LABELS.index(label) + 1) % len(LABELS)] for label in LABELS}
    lied = replace(play.fold, test=tuple(replace(clip, label=shifted[clip.label]) for clip in play.fold.test))
    answers = answer(name, play)
    assert (answers.shape, answers.dtype) == ((len(play.fold.test), len(LABELS)), np.float32)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert (answers.argmax(axis=1) == targets(play.fold.test)).mean() >= 0.7
    if name in NETWORKS and told_by == "text":
        return  # what follows is asked of each baseline once
    np.testing.assert_array_equal(answers, answer(name, play, lied))
    if name in NETWORKS:
        assert not np.array_equal(answers, answer(name, play, seed=1))


@pytest.mark.parametrize("name", ["egemaps", "att-align"])
def test_a_cache_that_cannot_be_written_is_named(name, plays, tmp_path):
    file, baseline = tmp_path / "file", quick(name)
    file.touch()
    with pytest.raises(OutputError, match=str(file)):
        baseline.answer(usable(plays["sound"].fold, baseline, plays["sound"].sounds), plays["sound"].sounds, file, 0)


def hum(hertz, seconds=0.5, level=0.1):
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return level * sum(np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in range(1, 6))


def test_functionals_find_the_pitch_whatever_the_level_and_exist_of_odd_sounds(tmp_path):
    sounds = {"low": hum(110), "high": hum(220), "quiet": hum(110, level=0.01)}
    sounds |= {"silence": np.zeros(8_000), "short": hum(200, seconds=0.02), "click": np.r_[np.zeros(8_000), 1.0]}
    cached = SimpleNamespace(samples=lambda clip: sounds[clip.id].astype(np.float32))
    found = functionals([clip(name, id=name) for name in sounds], cached, tmp_path)
    low, high, quiet = found[:3]
    semitones = prosody_columns()[0]
    assert (len(prosody_columns()), found.shape) == (26, (6, 88)) and np.isfinite(found).all()
    assert low[semitones] == pytest.approx(24, abs=0.5)  # 27.5 Hz and two octaves
    assert high[semitones] - low[semitones] == pytest.approx(12, abs=0.5)
    np.testing.assert_allclose(quiet, low, rtol=1e-2, atol=0.05)


@pytest.mark.parametrize("network", [DualEncoder, AlignedEncoder])
def test_padding_changes_no_answer(network):
    """Whatever lies behind the ends of a padded batch is noise, to be ignored."""
    rng = torch.Generator().manual_seed(4)
    made = network(NetworkBaseline("x", network, units=32), 12, 3).eval()
    frames, words = [40, 7, 23], [2, 9, 1]
    sound, numbers = torch.randn(3, 40, FEATURES.mel_bands, generator=rng), torch.randint(1, 12, (3, 9), generator=rng)
    prosody = torch.randn(3, 3, generator=rng)
    with torch.no_grad():
        together = made(sound, torch.tensor(frames), numbers, torch.tensor(words), prosody)
        for row, (n, m) in enumerate(zip(frames, words, strict=True)):
            one = slice(row, row + 1)
            alone = made(sound[one, :n], torch.tensor([n]), numbers[one, :m], torch.tensor([m]), prosody[one])
            torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-4)
