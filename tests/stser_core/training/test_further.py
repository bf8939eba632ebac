"""A classifier over a further encoder is trained on its frozen vectors and added to a checkpoint."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from making import looped

from stser_core import checkpoint, encoders
from stser_core.audio import load_mono
from stser_core.errors import UsageError
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput
from stser_core.training.further import add_classifier, parse_encoder
from stser_core.training.run import RunData, fit


class Pitch:
    """The spectrum in a few bands: what tells this tree's emotions apart."""

    def __init__(self, name, settings, weights):
        self.name, self.vector_size = name, int(settings.get("bands", 16))

    def encode(self, inputs):
        return [self._vector(one.samples) if len(one.samples) else None for one in inputs]

    def _vector(self, samples):
        spectrum = np.abs(np.fft.rfft(samples, 16_000))[: 50 * self.vector_size].reshape(self.vector_size, 50).sum(1)
        return torch.from_numpy(np.log(spectrum / spectrum.sum() + 1e-3)).float()

    def to(self, accelerator):
        pass


@pytest.mark.slow
def test_it_is_trained_calibrated_and_answers_beside_the_others(
    folds, frames_recipe, front_end, cache, tmp_path, monkeypatch
):
    point, fold = EntryPoint("pitch", "test_further:Pitch", encoders.GROUP), folds[0]
    monkeypatch.setattr(EntryPoint, "load", lambda self: Pitch)  # as an installed package would register it
    monkeypatch.setattr(encoders, "entry_points", lambda **_: (point,))
    base = fit(RunData.of(fold), frames_recipe, tmp_path / "base", cache, front_end=front_end)
    recipe = looped(frames_recipe, epochs=30, learning_rate=3e-3)
    wanted = parse_encoder("pitch=pitch:bands=20")
    folder = tmp_path / "more"
    add_classifier(fold, *wanted, recipe, str(base), folder, cache)
    config = checkpoint.read_config(folder)
    assert config.encoders["pitch"].vector_size == 20 and config.classifiers["pitch"].inputs == ("pitch",)
    assert {"speech", "pitch", "pitch+speech"} <= set(config.ensemble.temperatures)
    recognizer = EmotionRecognizer.load(folder, prior=None)
    scored = recognizer.score([SpeechInput(load_mono(clip.path)) for clip in fold.test])
    right = [one.emotion_of("pitch") == clip.label for one, clip in zip(scored, fold.test, strict=True)]
    assert np.mean(right) > 0.6 and all(one.calibrated for one in scored)
    before, after = (checkpoint.load_model(one).smodel.state_dict() for one in (base, folder))
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    with pytest.raises(UsageError, match="has a classifier 'pitch' already"):
        add_classifier(fold, *wanted, recipe, str(folder), tmp_path / "again", cache)


def test_an_encoder_is_written_in_one_option() -> None:
    name, hub = parse_encoder("wavlm=hub:microsoft/wavlm-base-plus,layer=6")
    assert (name, hub.type, hub.settings) == ("wavlm", "hub", {"model": "microsoft/wavlm-base-plus", "layer": 6})
    assert parse_encoder("x=other:kind=small,n=3")[1].settings == {"kind": "small", "n": 3}
    for wrong in ("wavlm", "=hub:a", "wavlm=hub:", "x=other:small"):
        with pytest.raises(UsageError, match="NAME=hub:MODEL_ID"):
            parse_encoder(wrong)
