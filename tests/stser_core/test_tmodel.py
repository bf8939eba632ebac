"""The tmodel: our ALBERT gives what the Hugging Face Hub's gives."""

import pytest
import torch
from msgspec.structs import asdict, replace
from transformers import AlbertConfig as HubConfig
from transformers import AlbertModel

from stser_core.config import AlbertConfig, TmodelConfig
from stser_core.tmodel import Tmodel

TINY = AlbertConfig(
    vocab_size=100,
    embedding_size=8,
    hidden_size=12,
    num_hidden_layers=4,
    num_attention_heads=3,
    intermediate_size=16,
    max_position_embeddings=40,
)
SHAPES = {
    "one group": TINY,
    "two groups of two layers": replace(TINY, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu"),
    "relu": replace(TINY, hidden_act="relu", layer_norm_eps=1e-6),
}
LENGTHS = (17, 5, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_it_is_the_hubs_albert_with_the_same_names(shape, pooling):
    torch.manual_seed(0)
    theirs = AlbertModel(HubConfig(**asdict(SHAPES[shape])), add_pooling_layer=pooling == "cls").eval()
    ours = Tmodel(TmodelConfig(albert=SHAPES[shape], pooling=pooling)).eval()
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
