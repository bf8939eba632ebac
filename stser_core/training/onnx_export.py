"""Writes the graphs of a checkpoint's parts for `onnx_network`, without their weights: some kilobytes each."""

from __future__ import annotations

import io
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from stser_core import checkpoint as checkpoints
from stser_core.errors import MissingExtraError, OutputError
from stser_core.onnx_network import CLASSIFIER, CONVOLUTIONS, FOLDER, GRAPHS_FILE, LAYERS, SMODEL, TMODEL

if TYPE_CHECKING:
    from stser_core.model import Stser

_OPSET = 17
_WEIGHTS_OF = "model."


def export(folder: Path, out: Path | None = None) -> Path:
    """Write the graphs of a checkpoint into its folder `onnx`.

    Args:
        folder: The checkpoint's.
        out: Copy the checkpoint here first; `None` to write into its own folder.

    Returns:
        The checkpoint's folder that has the graphs.

    Raises:
        CheckpointError: The checkpoint is broken.
        MissingExtraError: The package onnx is not installed.
        OutputError: They cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("Exporting a checkpoint", "train") from error
    model = checkpoints.load(folder).model
    if model.front_end is not None:  # as the other weights, or it would be part of the graph
        model.front_end.register_buffer("positions", model.front_end.positions)
    for weight in model.state_dict().values():
        if weight.is_floating_point():  # no two weights may be equal: they would be made one
            weight.uniform_(0.1, 1.0)
    names = {_WEIGHTS_OF + name for name in model.state_dict()}
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.forward = MethodType(_attention, module)  # type: ignore[method-assign]
    try:
        if out is not None:
            shutil.copytree(folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(FOLDER))
            folder = out
        graphs, to = {}, folder / FOLDER
        to.mkdir(exist_ok=True)
        for name, part in _parts(model):
            proto = onnx.load_from_string(part)
            taken = []
            for weight in proto.graph.initializer:
                if weight.name in names:
                    weight.name = weight.name.removeprefix(_WEIGHTS_OF)
                    weight.ClearField("raw_data")
                    weight.data_location = onnx.TensorProto.EXTERNAL
                    weight.external_data.add(key="location", value="weights")
                    taken.append(weight.name)
            for node in proto.graph.node:
                node.input[:] = [one.removeprefix(_WEIGHTS_OF) if one in names else one for one in node.input]
            graphs[name] = taken
            (to / f"{name}.onnx").write_bytes(proto.SerializeToString())
        (to / GRAPHS_FILE).write_text(json.dumps(graphs, indent=1) + "\n")
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"Graphs cannot be written to {out or folder} ({reason}); name another folder.") from error
    return folder


def _attention(
    self: nn.MultiheadAttention, x: Tensor, *_: Tensor, need_weights: bool, **__: Tensor
) -> tuple[Tensor, Tensor]:
    """What self-attention gives for an utterance alone; torch's own code has a fixed length in its graph."""
    qkv = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
    q, k, v = qkv.reshape(x.shape[0], x.shape[1], 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(2, 3) * self.head_dim**-0.5).softmax(3)
    return self.out_proj((weights @ v).transpose(1, 2).flatten(2)), weights.mean(1)


class _Part(nn.Module):
    """A part of a model as a module of its own."""

    def __init__(self, model: Stser, compute: Callable[..., object]) -> None:
        super().__init__()
        self.model, self.compute = model, compute

    def forward(self, *inputs: Tensor) -> object:
        return self.compute(*inputs)


def _parts(model: Stser) -> Iterator[tuple[str, bytes]]:
    """The name and the graph of each part; the first two dimensions of inputs may have any length."""
    config = model.config
    if (front_end := model.front_end) is not None:
        size = config.front_end.size if config.front_end else 0
        yield (
            CONVOLUTIONS,
            _graph(
                model, lambda mel: front_end.convolve(mel, _lengths(mel)), torch.randn(1, 61, config.features.mel_bands)
            ),
        )
        yield LAYERS, _graph(model, lambda hidden: front_end.encode(hidden, _lengths(hidden)), torch.randn(1, 31, size))
    if model.smodel is not None:

        def speech(frames: Tensor, baselines: Tensor) -> tuple[Tensor, Tensor | None]:
            known = baselines if front_end is not None else None
            encoding = model.encode_speech(frames, _lengths(frames), known, salience=True)
            return encoding.vector, encoding.salience

        yield SMODEL, _graph(model, speech, torch.randn(1, 31, config.frame_size), torch.randn(1, config.frame_size))
    if model.tmodel is not None:
        pieces = torch.ones(2, 7, dtype=torch.int64)
        yield TMODEL, _graph(model, model.encode_text, pieces, pieces)
    for name, classifier in config.classifiers.items():
        width = sum(config.vector_sizes[one] for one in classifier.inputs)
        yield CLASSIFIER + name, _graph(model, model.classifiers[name].forward, torch.randn(2, width))


def _lengths(batch: Tensor) -> Tensor:
    """The length of a batch of one, as something that the graph computes."""
    return torch.ones_like(batch[:, :, 0], dtype=torch.int64).sum(1)


def _graph(model: Stser, compute: Callable[..., object], *inputs: Tensor) -> bytes:
    names = [f"input{number}" for number in range(len(inputs))]
    axes = {
        name: {0: "batch", 1: "length"} if one.ndim > 2 or not one.is_floating_point() else {0: "batch"}
        for name, one in zip(names, inputs, strict=True)
    }
    written = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of branches that are the same for every utterance alone
        torch.onnx.export(
            _Part(model, compute).eval(),
            inputs,
            written,
            dynamo=False,
            opset_version=_OPSET,
            do_constant_folding=False,
            input_names=names,
            dynamic_axes=axes,
        )
    return written.getvalue()
