"""The parts of the network: in a padded batch each utterance is alone, and they are what the papers describe."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from torch import nn
from transformers import AlbertConfig as HubConfig
from transformers import AlbertModel

from stser_core.config import AlbertConfig, ConvConfig, FrontEndConfig, SmodelConfig, TmodelConfig
from stser_core.frontend import WhisperFrontEnd, has_bfloat16, pad_frames
from stser_core.smodel import BiLstm, Smodel
from stser_core.tmodel import Tmodel
from stser_core.torch_network import TorchNetwork
from stser_core.training.saving import quantise
from stser_core.weights import dequantise

# The front end

SMALL = FrontEndConfig(model="tiny", layers=2, size=16, heads=2, positions=60)
MEL_BANDS = 12
NAMES = {"self_attn_layer_norm": "attention_norm", "self_attn.out_proj": "output"}  # transformers' and ours
NAMES |= {"final_layer_norm": "feed_forward_norm", "fc1": "expand", "fc2": "contract"}


@pytest.fixture(scope="module")
def front_end() -> WhisperFrontEnd:
    torch.manual_seed(0)
    return WhisperFrontEnd(SMALL, MEL_BANDS).eval()


@given(lengths=st.lists(st.integers(1, 300), min_size=2, max_size=4))
@examples(max_examples=10)
def test_a_padded_batch_gives_what_each_alone_gives(front_end, lengths):
    """Up to 150 steps: longer than the position embeddings reach."""
    rng = torch.Generator().manual_seed(sum(lengths))
    mels = [torch.randn(n, MEL_BANDS, generator=rng) for n in lengths]
    batch = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True)
    with torch.no_grad():
        frames = front_end(batch, torch.tensor(lengths))
        for row, mel in enumerate(mels):
            (alone,) = front_end(mel[None], torch.tensor([len(mel)]))
            assert len(alone) == (len(mel) - 1) // 4 + 1
            torch.testing.assert_close(frames[row, : len(alone)], alone, atol=1e-5, rtol=0)
            assert not frames[row, len(alone) :].any()


def test_it_is_the_last_of_the_first_layers_of_whispers_encoder(tiny_whisper):
    shape = {"d_model": 16, "encoder_layers": 4, "encoder_ffn_dim": 64, "num_mel_bins": MEL_BANDS}
    theirs = tiny_whisper(**shape, max_source_positions=50).encoder
    ours = WhisperFrontEnd(replace(SMALL, joined=2, average=1, positions=50), MEL_BANDS).eval()
    state = {}
    for theirs_name, one in theirs.state_dict().items():
        name = theirs_name
        for their, our in NAMES.items():
            name = name.replace(their, our)
        state[name] = one
    for layer in ("layers.0", "layers.1"):
        q, k, v = (state[f"{layer}.self_attn.{one}_proj.weight"] for one in "qkv")
        q_bias, v_bias = (state[f"{layer}.self_attn.{one}_proj.bias"] for one in "qv")
        state[f"{layer}.qkv.weight"] = torch.cat([q, k, v])
        state[f"{layer}.qkv.bias"] = torch.cat([q_bias, torch.zeros(16), v_bias])
    ours.load_state_dict({name: state[name] for name in ours.state_dict()})
    torch.testing.assert_close(ours.positions, theirs.embed_positions.weight.detach(), atol=1e-5, rtol=0)
    mel = torch.randn(1, MEL_BANDS, 100)

    with torch.no_grad():
        expected = torch.cat(theirs(mel, output_hidden_states=True).hidden_states[1:3], 2)
        frames = ours(mel.transpose(1, 2), torch.tensor([100]))

    torch.testing.assert_close(frames, expected, atol=1e-5, rtol=0)


def test_frames_of_a_model_cover_the_utterance_and_not_the_tail_at_any_level(front_config, build):
    network = TorchNetwork(build(front_config), "cpu")
    samples = [torch.sin(torch.arange(n) / 7).numpy() for n in (16_000, 16_001, 640, 1)]

    frames, quiet = (network.encode_frames([np.float32(gain) * one for one in samples]) for gain in (1.0, 0.003))

    assert [one.shape for one in frames] == [(25, 16), (26, 16), (3, 16), (3, 16)]
    for loud, soft in zip(frames[:3], quiet[:3], strict=True):
        np.testing.assert_allclose(soft, loud, atol=1e-3, rtol=0)


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU does not multiply bfloat16 matrices")
def test_in_bfloat16_frames_stay_close(front_config, build, monkeypatch):
    model = build(front_config)
    sound = [(0.3 * torch.randn(9_000, generator=torch.Generator().manual_seed(0))).numpy()]

    (exact,) = TorchNetwork(model, "cpu").encode_frames(sound)
    monkeypatch.setattr("stser_core.torch_network.has_bfloat16", lambda: True)
    (rounded,) = TorchNetwork(model, "cpu").encode_frames(sound)

    assert next(model.front_end.parameters()).dtype == torch.float32
    assert rounded.dtype == exact.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.1 * exact.std()


def test_int8_comes_back_within_half_a_step_of_each_row(front_end):
    state = front_end.state_dict()
    stored = quantise(state)
    back = dequantise(stored)

    assert stored["conv1.weight"].dtype == stored["layers.0.qkv.weight"].dtype == torch.int8
    assert back.keys() == state.keys()
    for name, value in state.items():
        if value.ndim < 2:
            assert torch.equal(back[name], value)
            continue
        step = value.flatten(1).abs().amax(1) / 127
        error = (back[name] - value).flatten(1).abs().amax(1)
        assert (error <= step / 2 + 1e-7).all()
    again = quantise(back)
    assert all(torch.equal(again[name], stored[name]) for name in stored if stored[name].dtype == torch.int8)


# The smodel

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


# The tmodel

_SIZES = {"vocab_size": 100, "embedding_size": 8, "hidden_size": 12, "intermediate_size": 16}
TINY = AlbertConfig(**_SIZES, num_hidden_layers=4, num_attention_heads=3, max_position_embeddings=40)
ALBERTS = {
    "one group": TINY,
    "two groups of two layers": replace(TINY, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu"),
    "relu": replace(TINY, hidden_act="relu", layer_norm_eps=1e-6),
}
LENGTHS = (17, 5, 2)


@pytest.mark.parametrize("shape", ALBERTS)
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_it_is_the_hubs_albert_with_the_same_names(shape, pooling):
    torch.manual_seed(0)
    theirs = AlbertModel(HubConfig(**asdict(ALBERTS[shape])), add_pooling_layer=pooling == "cls").eval()
    ours = Tmodel(TmodelConfig(albert=ALBERTS[shape], pooling=pooling)).eval()
    ours.albert.load_state_dict(theirs.state_dict())
    mask = (torch.arange(17) < torch.tensor(LENGTHS)[:, None]).long()
    pieces = torch.randint(4, 100, (3, 17)) * mask

    with torch.no_grad():
        vectors, expected = ours(pieces, mask), theirs(pieces, mask)

    if pooling == "cls":
        torch.testing.assert_close(vectors, expected.pooler_output)
    for row, length in enumerate(LENGTHS if pooling == "mean" else ()):
        torch.testing.assert_close(vectors[row], expected.last_hidden_state[row, :length].mean(0))


def test_the_default_shape_is_that_of_albert_base_v2():
    assert sum(one.numel() for one in Tmodel(TmodelConfig(pooling="cls")).parameters()) == 11_683_584
