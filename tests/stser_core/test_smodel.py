"""The smodel: an utterance's vector is its own, and its layers are what the paper names."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import nn

from stser_core.config import ConvConfig, SmodelConfig
from stser_core.frontend import pad_frames
from stser_core.smodel import BiLstm, Smodel

SHAPES = {
    "paper": SmodelConfig(blocks=(ConvConfig(8),), lstm_units=8),
    "deviation": SmodelConfig(
        blocks=(ConvConfig(4, kernel=(5, 5), pool=(1, 1)), ConvConfig(8, pool=(2, 3))),
        lstm_units=6,
        pooling="mean_deviation",
    ),
    "no Bi-LSTM": SmodelConfig(
        blocks=(ConvConfig(4), ConvConfig(2, kernel=(1, 3), norm=False, activation=False)),
        lstm_units=0,
        residual_attention=True,
    ),
    "no convolution": SmodelConfig(blocks=(), lstm_units=0, residual_attention=True, pooling="mean_deviation"),
    "input statistics": SmodelConfig(blocks=(ConvConfig(4),), lstm_units=8, input_statistics=True),
}
BANDS = 24


def settled(config: SmodelConfig, seed: int = 0) -> Smodel:
    """A model in evaluation mode whose batch norms have seen some data, as a trained one's have."""
    torch.manual_seed(seed)
    model = Smodel(config, 1, BANDS)
    for _ in range(3):
        model(torch.randn(4, 1, BANDS, 60) + 0.3, torch.tensor([60, 50, 40, 30]))
    return model.eval()


@pytest.fixture(scope="module")
def models() -> dict[str, Smodel]:
    return {name: settled(config) for name, config in SHAPES.items()}


@pytest.mark.parametrize("name", SHAPES)
@given(samples=st.lists(st.integers(min_value=1_600, max_value=16_000), min_size=2, max_size=4))
@examples(max_examples=6)
def test_a_padded_batch_gives_what_each_utterance_alone_gives(models, name, samples):
    model = models[name]
    rng = torch.Generator().manual_seed(sum(samples))
    spectrograms = [torch.randn(n // 160 + 1, BANDS, generator=rng) for n in samples]
    with torch.no_grad():
        batch, frames = pad_frames(spectrograms)
        vectors, salience = model(batch.transpose(1, 2)[:, None], frames, salience=True)
        for row, one in enumerate(spectrograms):
            vector, own = model(one.T[None, None], torch.tensor([len(one)]), salience=True)
            assert torch.allclose(vectors[row], vector[0], atol=1e-5)
            assert torch.allclose(salience[row, : own.shape[1]], own[0], atol=1e-5)
            assert not salience[row, own.shape[1] :].any()
            assert (own >= 0).all() and own.sum().item() == pytest.approx(1, abs=1e-5)


@given(frames=st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=5))
def test_the_bi_lstm_is_torchs_bidirectional_lstm_over_packed_sequences(frames):
    torch.manual_seed(0)
    ours, theirs = BiLstm(5, 7), nn.LSTM(5, 7, batch_first=True, bidirectional=True)
    state = dict(ours.onward.state_dict())
    state |= {f"{name}_reverse": value for name, value in ours.backward_in_time.state_dict().items()}
    theirs.load_state_dict(state)
    sequence = torch.randn(len(frames), max(frames), 5)

    packed = nn.utils.rnn.pack_padded_sequence(sequence, torch.tensor(frames), batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    got = ours(sequence, torch.tensor(frames))

    for row, length in enumerate(frames):
        assert torch.allclose(got[row, :length], expected[row, :length], atol=1e-6)


def test_input_statistics_do_not_depend_on_the_batch_in_training():
    model = settled(SHAPES["input statistics"]).train()
    model.dropout.eval()
    x, frames = torch.randn(3, 1, BANDS, 60), torch.tensor([60, 50, 40])

    together = model(x, frames)[0][:, -2 * BANDS :]
    alone = model(x[2:, ..., :40], frames[2:])[0][:, -2 * BANDS :]

    torch.testing.assert_close(together[2:], alone)
