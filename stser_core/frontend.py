"""The front end: the first layers of Whisper's audio encoder, frozen (Radford et al. 2022, section 2.2).

A log-mel spectrogram goes through two convolutions (the second halves the frame rate to 50 a second) and pre-norm
transformer layers. Their upper half gives the emotion away, the third of six layers keeps most of it, so only the
first layers are used, without the final layer norm. Attention is masked, so that an utterance's frames do not depend
on a batch's padding.

In a checkpoint folder the weights are stored as int8 with one scale for each output row.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from stser_core.config import FrontEndConfig
from stser_core.weights import SCALE, dequantise, sinusoids

_ROUNDED = 32
_AT_ONCE = 256
"""oneDNN compiles a kernel of half a megabyte for each number of steps, and keeps it. So steps are padded to a multiple
of 32, and multiplied 256 at a time."""


def frame_mask(frames: Tensor, width: int) -> Tensor:
    """Mask of the positions of a padded batch that contain frames, int64 [batch]: bool [batch, width]."""
    return torch.arange(width, device=frames.device)[None, :] < frames[:, None]


def pad_frames(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack sequences, float [n, size]: float32 [batch, longest, size], zeros at the ends, and the lengths, int64."""
    counts = torch.tensor([len(one) for one in sequences], device=sequences[0].device)
    return nn.utils.rnn.pad_sequence([one.float() for one in sequences], batch_first=True), counts


class WhisperFrontEnd(nn.Module):
    """Log-mel spectrograms to frames, 50 a second divided by `average`."""

    positions: Tensor

    def __init__(self, config: FrontEndConfig, bands: int) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv1d(bands, config.size, 3, padding=1)
        self.conv2 = nn.Conv1d(config.size, config.size, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(EncoderLayer(config.size, config.heads) for _ in range(config.layers))
        self.register_buffer("positions", torch.from_numpy(sinusoids(config.positions, config.size)), persistent=False)

    def forward(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """Encode mel, float32 [batch, n, bands], to [batch, frames, joined * size]; both are zero after each length."""
        longest, number = self.config.positions, (mel.shape[1] - 1) // 2 + 1
        if self.is_packed:
            mel = functional.pad(mel.bfloat16(), (0, 0, 0, -mel.shape[1] % (2 * _ROUNDED)))
        hidden, steps = self.convolve(mel, lengths)[:, :number], (lengths - 1) // 2 + 1
        pieces = [
            self.encode(piece, (steps - start).clamp(0, longest))
            for start, piece in zip(range(0, number, longest), torch.split(hidden, longest, 1), strict=True)
        ]
        return torch.cat(pieces, 1)

    def convolve(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """Run the convolutions: float32 [batch, steps, size]."""
        hidden = _convolved(mel, self.conv1) * frame_mask(lengths, mel.shape[1])[:, :, None]
        return _convolved(hidden, self.conv2).float()

    def encode(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """Run the layers over at most `positions` steps: float32 [batch, frames, joined * size]."""
        longest = hidden.shape[1]
        hidden = hidden + self.positions[:longest]
        if self.is_packed:
            hidden = functional.pad(hidden, (0, 0, 0, -longest % _ROUNDED))
        inside = frame_mask(steps.clamp_min(1), hidden.shape[1])  # a row with nothing in it attends to its padding
        mask = None if inside.all() else inside[:, None, None, :]  # attention without a mask is faster
        outputs = [hidden]
        for layer in self.layers:
            outputs.append(layer(outputs[-1], mask))
        return torch.cat([self._averaged(one[:, :longest], steps) for one in outputs[-self.config.joined :]], 2)

    def _averaged(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """Mean of each `average` steps; the last mean may be of fewer."""
        average = self.config.average
        padding = -hidden.shape[1] % average
        inside = functional.pad(frame_mask(steps, hidden.shape[1]), (0, padding))
        if padding or not inside.all():
            hidden = functional.pad(hidden, (0, 0, 0, padding)) * inside[:, :, None]
        number = inside.reshape(len(inside), -1, average).sum(2).clamp_min(1)
        return hidden.reshape(len(hidden), -1, average, hidden.shape[2]).sum(2) / number[:, :, None]

    def pack(self, stored: Mapping[str, Tensor]) -> None:
        """Take weights, of a state or as a file stores them, in bfloat16; only where the CPU `has_bfloat16`.

        They are kept only as oneDNN multiplies them; else it would reorder them for every utterance.
        """
        layers = {f"{name}.weight": one for name, one in self.named_modules() if isinstance(one, nn.Linear | nn.Conv1d)}
        rest = {name: one for name, one in stored.items() if name.removesuffix(SCALE) not in layers}
        self.load_state_dict(dequantise(rest), strict=False, assign=True)
        for name, layer in layers.items():
            whole = dequantise({one: stored[one] for one in (name, name + SCALE) if one in stored})[name]
            weight = whole.movedim(1, -1).flatten(1)  # of a convolution: all of one step, then of the next
            packed = torch.ops.mkldnn._reorder_linear_weight(weight.bfloat16().contiguous())
            bias = stored[name.removesuffix("weight") + "bias"].bfloat16()
            object.__setattr__(layer, "packed", (packed, bias))
            layer.weight = nn.Parameter(torch.empty(0), requires_grad=False)

    @property
    def is_packed(self) -> bool:
        """Whether `pack` was called."""
        return hasattr(self.conv1, "packed")


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer with masked self-attention."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.feed_forward_norm = nn.LayerNorm(size)
        self.expand = nn.Linear(size, 4 * size)
        self.contract = nn.Linear(4 * size, size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the layer to float32 [batch, steps, size], which attends where bool [batch, 1, 1, steps] is true."""
        qkv = _product(self.attention_norm(hidden), self.qkv)
        q, k, v = qkv.reshape(*hidden.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        hidden = hidden + _product(attended.transpose(1, 2).flatten(2), self.output)
        expanded = _product(self.feed_forward_norm(hidden), self.expand, gelu=True)
        return hidden + _product(expanded, self.contract)


def _convolved(x: Tensor, layer: nn.Conv1d) -> Tensor:
    """A convolution over three steps of [batch, steps, size], and GELU."""
    if not hasattr(layer, "packed"):
        transposed = functional.conv1d(x.transpose(1, 2), layer.weight, layer.bias, layer.stride, padding=1)
        return functional.gelu(transposed.transpose(1, 2))
    padded, stride = functional.pad(x, (0, 0, 1, 1)), layer.stride[0]
    end = padded.shape[1] - 2
    return _product(torch.cat([padded[:, start : end + start : stride] for start in range(3)], 2), layer, gelu=True)


def _product(x: Tensor, layer: nn.Linear | nn.Conv1d, *, gelu: bool = False) -> Tensor:
    """A linear layer, and GELU where asked: in bfloat16 where its weights are packed."""
    packed: tuple[Tensor, Tensor] | None = getattr(layer, "packed", None)
    if packed is None:
        product = functional.linear(x, layer.weight, layer.bias)
        return functional.gelu(product) if gelu else product
    after, algorithm = ("gelu", "none") if gelu else ("none", "")
    products = [
        torch.ops.mkldnn._linear_pointwise(part, *packed, after, [], algorithm)
        for part in torch.split(x.bfloat16(), _AT_ONCE, dim=1)
    ]
    return products[0] if len(products) == 1 else torch.cat(products, 1)


@cache
def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware, and torch can: it then takes half the time."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    if not (capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")):
        return False
    some = torch.ones(1, 1, dtype=torch.bfloat16)
    try:  # these are not public functions
        weight = torch.ops.mkldnn._reorder_linear_weight(some)
        return bool(torch.ops.mkldnn._linear_pointwise(some, weight, None, "none", [], "") == 1)
    except (AttributeError, RuntimeError):
        return False
