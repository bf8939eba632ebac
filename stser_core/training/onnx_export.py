"""Writes the graphs of a checkpoint's parts for `onnx_network`, without their weights: some kilobytes each."""

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stser_core import checkpoint as checkpoints
from stser_core import onnx_network
from stser_core.errors import MissingExtraError, OutputError
from stser_core.files import writing
from stser_core.model import Stser
from stser_core.training.output import write_json
from stser_core.weights import SCALE

_OPSET = 17
_WEIGHTS_OF = "model."  # prefix of the weights of a `_Part`


def export(folder: Path, out: Path | None = None) -> Path:
    """Write the graphs of a checkpoint into its folder `onnx`, or into that of a copy of it; returns which has them.

    Raises `CheckpointError` where the checkpoint is broken, `MissingExtraError` where onnx is not installed, and
    `OutputError` where they cannot be written, or the copy would be mixed with something else.
    """
    if out is not None and out.is_dir() and any(out.iterdir()):
        raise OutputError(f"The folder {out} is not empty; name another one for the copy.")
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("Exporting a checkpoint", "train") from error
    model = _prepared(checkpoints.load_model(folder))
    stored = {name: one.dtype.name for name, one in onnx_network.stored_weights(model.config, folder).items()}
    with writing(out or folder):
        if out is not None:
            shutil.copytree(folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(onnx_network.FOLDER))
        to = (out or folder) / onnx_network.FOLDER
        to.mkdir(exist_ok=True)
        weights = {}
        for name, compute, inputs in _parts(model):
            path = to / f"{name}.onnx"
            _write(path, model, compute, inputs)
            proto = onnx.load(path)
            weights[name] = _take_weights_out(proto.graph, stored)
            path.write_bytes(proto.SerializeToString())
        write_json(onnx_network.Graphs(onnx_network.shape(model.config), weights), to / onnx_network.GRAPHS_FILE)
    return out or folder


def _prepared(model: Stser) -> Stser:
    """A model whose graphs can be written; its own weights are lost."""
    if model.front_end is not None:  # as the other weights, or it would be part of the graph
        model.front_end.register_buffer("positions", model.front_end.positions)
    for weight in model.state_dict().values():
        if weight.is_floating_point():  # no two weights may be equal: they would be made one
            weight.uniform_(0.1, 1.0)
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.forward = MethodType(_attention, module)  # type: ignore[method-assign]
    return model


def _attention(
    self: nn.MultiheadAttention, x: Tensor, *_: Tensor, need_weights: bool, **__: Tensor
) -> tuple[Tensor, Tensor]:
    """Self-attention of an utterance alone; torch's own code has a fixed length in its graph."""
    qkv = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
    q, k, v = qkv.reshape(x.shape[0], x.shape[1], 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(2, 3) * self.head_dim**-0.5).softmax(3)
    return self.out_proj((weights @ v).transpose(1, 2).flatten(2)), weights.mean(1)


def _parts(model: Stser) -> Iterator[tuple[str, Callable[..., object], tuple[Tensor, ...]]]:
    """The name of each part, what it computes, and inputs for it."""
    config, front_end = model.config, model.front_end
    if front_end is not None:
        mel = torch.randn(1, 61, config.features.mel_bands)
        yield onnx_network.CONVOLUTIONS, lambda mel: front_end.convolve(mel, _lengths(mel)), (mel,)
        hidden = torch.randn(1, 31, front_end.config.size)
        yield onnx_network.LAYERS, lambda hidden: front_end.encode(hidden, _lengths(hidden)), (hidden,)
    if model.smodel is not None:

        def speech(frames: Tensor, baselines: Tensor) -> tuple[Tensor, Tensor | None]:
            known = None if front_end is None else baselines
            return model.encode_speech(frames, _lengths(frames), known, salience=True)

        yield onnx_network.SMODEL, speech, (torch.randn(1, 31, config.frame_size), torch.randn(1, config.frame_size))
    if model.tmodel is not None:
        pieces = torch.ones(2, 7, dtype=torch.int64)
        yield onnx_network.TMODEL, model.encode_text, (pieces, pieces)
    for name, classifier in config.classifiers.items():
        width = sum(config.vector_sizes[one] for one in classifier.inputs)
        yield onnx_network.CLASSIFIER + name, model.classifiers[name].forward, (torch.randn(2, width),)


def _lengths(batch: Tensor) -> Tensor:
    """The length of a batch of one, as something that the graph computes."""
    return torch.ones_like(batch[:, :, 0], dtype=torch.int64).sum(1)


class _Part(nn.Module):
    """A part of a model as a module of its own."""

    def __init__(self, model: Stser, compute: Callable[..., object]) -> None:
        super().__init__()
        self.model, self.forward = model, compute


def _write(path: Path, model: Stser, compute: Callable[..., object], inputs: tuple[Tensor, ...]) -> None:
    """Write a graph; the first two dimensions of its inputs, of vectors the first, may have any length."""
    axes: dict[str, dict[int, str]] = {}
    for number, one in enumerate(inputs):
        of_any_length = one.ndim > 2 or not one.is_floating_point()
        axes[f"input{number}"] = {0: "batch", 1: "length"} if of_any_length else {0: "batch"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of branches that are the same for every utterance alone
        torch.onnx.export(
            _Part(model, compute).eval(),
            inputs,
            path,
            dynamo=False,
            opset_version=_OPSET,
            do_constant_folding=False,
            input_names=list(axes),
            dynamic_axes=axes,
        )


def _take_weights_out(graph: Any, stored: Mapping[str, str]) -> list[str]:  # noqa: ANN401
    """Make a graph take its weights from elsewhere, of the types in `stored`; returns their names."""
    from onnx import TensorProto, helper

    kinds = {"int8": TensorProto.INT8, "float16": TensorProto.FLOAT16}
    taken, first, become = list[str](), list[Any](), dict[str, str]()

    def take(weight: Any, name: str, kind: int) -> None:  # noqa: ANN401
        weight.ClearField("raw_data")
        weight.name, weight.data_type, weight.data_location = name, kind, TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weights")
        taken.append(name)

    for weight in list(graph.initializer):
        given, name = weight.name, weight.name.removeprefix(_WEIGHTS_OF)
        if name == given or name not in stored:
            continue
        kind = kinds.get(stored[name], TensorProto.FLOAT)
        take(weight, name, kind)
        become[given] = name
        if kind != TensorProto.FLOAT:
            become[given] = f"{name}.single"
            if kind == TensorProto.INT8:
                scale = graph.initializer.add(dims=weight.dims[:1])
                take(scale, name + SCALE, TensorProto.FLOAT)
                convert = helper.make_node("DequantizeLinear", [name, scale.name], [become[given]], axis=0)
            else:
                convert = helper.make_node("Cast", [name], [become[given]], to=int(TensorProto.FLOAT))
            first.append(convert)
    following = list(graph.node)
    for node in following:
        node.input[:] = [become.get(one, one) for one in node.input]
    del graph.node[:]
    graph.node.extend([*first, *following])
    return taken
