"""The eGeMAPS features: of the same sound the same, however loud it was recorded, and computed once."""

import numpy as np
import pytest
from making import clip

from stser_core.audio import SAMPLE_RATE
from stser_core.training.baselines.classical import functionals, prosody_columns


class Sounds:
    """Stands for the sound cache: waveforms by the clip's name."""

    def __init__(self, **waveforms):
        self.waveforms = waveforms

    def samples(self, clip):
        return self.waveforms[clip.id].astype(np.float32)


def clips(*names):
    return [clip(name, id=name) for name in names]


def hum(hertz, seconds=0.5, level=0.1):
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return level * sum(np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in range(1, 6))


def test_pitch_is_found_an_octave_apart(tmp_path):
    low, high = functionals(clips("low", "high"), Sounds(low=hum(110), high=hum(220)), tmp_path)

    assert len(prosody_columns()) == 26
    semitones = prosody_columns()[0]
    assert low.shape == (88,)
    assert low[semitones] == pytest.approx(24, abs=0.5)  # 27.5 Hz and two octaves
    assert high[semitones] - low[semitones] == pytest.approx(12, abs=0.5)


def test_the_recording_level_makes_no_difference(tmp_path):
    quiet, loud = functionals(
        clips("quiet", "loud"), Sounds(quiet=hum(150, level=0.01), loud=hum(150, level=0.3)), tmp_path
    )

    np.testing.assert_allclose(quiet, loud, rtol=1e-2, atol=0.05)


@pytest.mark.parametrize(
    "sound", [np.zeros(8_000), hum(200, seconds=0.02), np.r_[np.zeros(8_000), 1.0]], ids=["silence", "short", "click"]
)
def test_odd_sounds_have_features_too(sound, tmp_path):
    assert np.isfinite(functionals(clips("odd"), Sounds(odd=sound), tmp_path)).all()
