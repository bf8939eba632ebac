"""The networks: the answer to a clip does not depend on what it is padded with."""

import pytest
import torch

from stser_core.training.baselines.networks import (
    FEATURES,
    AlignedEncoder,
    DualEncoder,
    NetworkBaseline,
)

WORDS = 12
PROSODY = 3


def batch_of(frames, words, width=40, longest=9):
    """A random padded batch; whatever lies behind the ends is noise, to be ignored."""
    rng = torch.Generator().manual_seed(4)
    return {
        "sound": torch.randn(len(frames), width, FEATURES.mel_bands, generator=rng),
        "frames": torch.tensor(frames),
        "words": torch.randint(1, WORDS, (len(frames), longest), generator=rng),
        "counts": torch.tensor(words),
        "prosody": torch.randn(len(frames), PROSODY, generator=rng),
    }


def alone(batch, row):
    one = {name: value[row : row + 1] for name, value in batch.items()}
    frames, words = int(one["frames"]), int(one["counts"])
    return one | {"sound": one["sound"][:, :frames], "words": one["words"][:, :words]}


@pytest.mark.parametrize("network", [DualEncoder, AlignedEncoder])
def test_padding_changes_no_answer(network):
    torch.manual_seed(0)
    made = network(NetworkBaseline("x", network, units=32), WORDS, PROSODY).eval()
    batch = batch_of([40, 7, 23], [2, 9, 1])

    with torch.no_grad():
        together = made(**batch)
        for row in range(3):
            torch.testing.assert_close(made(**alone(batch, row))[0], together[row], atol=1e-5, rtol=1e-4)
