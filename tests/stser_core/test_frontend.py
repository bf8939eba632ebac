"""The front end: what a padded batch gives, how it is stored, and that it is Whisper's encoder."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from stser_core.config import FrontEndConfig
from stser_core.frontend import WhisperFrontEnd, has_bfloat16
from stser_core.torch_network import TorchNetwork
from stser_core.training.saving import quantise
from stser_core.weights import dequantise

SMALL = FrontEndConfig(model="tiny", layers=2, size=16, heads=2, positions=60)
BANDS = 12
NAMES = {"self_attn_layer_norm": "attention_norm", "self_attn.out_proj": "output"}  # transformers' and ours
NAMES |= {"final_layer_norm": "feed_forward_norm", "fc1": "expand", "fc2": "contract"}


@pytest.fixture(scope="module")
def front_end() -> WhisperFrontEnd:
    torch.manual_seed(0)
    return WhisperFrontEnd(SMALL, BANDS).eval()


@given(lengths=st.lists(st.integers(1, 300), min_size=2, max_size=4))
@examples(max_examples=10)
def test_a_padded_batch_gives_what_each_alone_gives(front_end, lengths):
    """Up to 150 steps: longer than the position embeddings reach."""
    rng = torch.Generator().manual_seed(sum(lengths))
    mels = [torch.randn(n, BANDS, generator=rng) for n in lengths]
    batch = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True)
    with torch.no_grad():
        frames = front_end(batch, torch.tensor(lengths))
        for row, mel in enumerate(mels):
            (alone,) = front_end(mel[None], torch.tensor([len(mel)]))
            assert len(alone) == (len(mel) - 1) // 4 + 1
            torch.testing.assert_close(frames[row, : len(alone)], alone, atol=1e-5, rtol=0)
            assert not frames[row, len(alone) :].any()


def test_it_is_the_last_of_the_first_layers_of_whispers_encoder(tiny_whisper):
    shape = {"d_model": 16, "encoder_layers": 4, "encoder_ffn_dim": 64, "num_mel_bins": BANDS}
    theirs = tiny_whisper(**shape, max_source_positions=50).encoder
    ours = WhisperFrontEnd(replace(SMALL, joined=2, average=1, positions=50), BANDS).eval()
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
    mel = torch.randn(1, BANDS, 100)

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
