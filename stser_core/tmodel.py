"""The tmodel: a transcript's word pieces → pretrained ALBERT → text vector (section 3.2 of the paper).

ALBERT (Lan et al. 2020, https://arxiv.org/abs/1909.11942) is a transformer whose layers share their weights. The
modules are named as those of the Hugging Face Hub's `AlbertModel`, so that its weights fit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stser_core.config import AlbertConfig, TmodelConfig

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "gelu": functional.gelu,
    "relu": functional.relu,
}


class Tmodel(nn.Module):
    """Word pieces to text vectors."""

    def __init__(self, config: TmodelConfig) -> None:
        super().__init__()
        self.config = config
        self.albert = Albert(config.albert, pooler=config.pooling == "cls")

    def forward(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Encode pieces (special ones at both ends) and their mask, int64 [batch, n], to float32 [batch, vector]."""
        hidden = self.albert(pieces, mask)
        if self.albert.pooler is not None:
            return torch.tanh(self.albert.pooler(hidden[:, 0]))
        weight = mask[:, :, None].to(hidden.dtype)
        mean: Tensor = (hidden * weight).sum(1) / weight.sum(1)
        return mean


class Albert(nn.Module):
    """ALBERT: embeddings of piece, position and type, then layers that share their weights by groups."""

    def __init__(self, config: AlbertConfig, *, pooler: bool) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if pooler else None

    def forward(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Hidden states, float32 [batch, n, hidden], of pieces and mask, int64 [batch, n] each."""
        hidden: Tensor = self.encoder(self.embeddings(pieces), mask.bool()[:, None, None, :])
        return hidden


class _Embeddings(nn.Module):
    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.word_embeddings = nn.Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, pieces: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: pieces.shape[1]]
        added = self.word_embeddings(pieces) + self.token_type_embeddings.weight[0] + positions
        embedded: Tensor = self.dropout(self.LayerNorm(added))
        return embedded


class _Encoder(nn.Module):
    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.layers, self.groups = config.num_hidden_layers, config.num_hidden_groups
        self.embedding_hidden_mapping_in = nn.Linear(config.embedding_size, config.hidden_size)
        self.albert_layer_groups = nn.ModuleList(
            nn.ModuleDict({"albert_layers": nn.ModuleList(_Layer(config) for _ in range(config.inner_group_num))})
            for _ in range(self.groups)
        )

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = self.embedding_hidden_mapping_in(embedded)
        for number in range(self.layers):
            group: Any = self.albert_layer_groups[number * self.groups // self.layers]
            for layer in group["albert_layers"]:
                hidden = layer(hidden, mask)
        return hidden


class _Layer(nn.Module):
    """Post-norm: self-attention, then a feed-forward network."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.ffn = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = _ACTIVATIONS[config.hidden_act]
        self.ffn_output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.full_layer_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        attended = self.attention(hidden, mask)
        changed: Tensor = self.full_layer_layer_norm(self.ffn_output(self.activation(self.ffn(attended))) + attended)
        return changed


class _Attention(nn.Module):
    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.query, self.key, self.value = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)
        self.dense = nn.Linear(size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.attention_dropout = config.attention_probs_dropout_prob
        self.output_dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (
            layer(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [batch, heads, n, hidden / heads]
            for layer in (self.query, self.key, self.value)
        )
        dropout = self.attention_dropout if self.training else 0.0
        context = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        context = self.output_dropout(self.dense(context.transpose(1, 2).flatten(2)))
        normalised: Tensor = self.LayerNorm(hidden + context)
        return normalised
