"""A model for inference with ONNX Runtime, in a process without torch; see `network`.

`training.onnx_export` writes the graphs of a checkpoint's parts, without weights. Those come from the checkpoint's
own files.
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from stser_core import weights
from stser_core.checkpoint import CONFIG_FILE, FRONT_END_FILE, WEIGHTS_FILE, Checkpoint
from stser_core.config import TEXT, CheckpointConfig, EnsembleConfig, Settings, decode
from stser_core.errors import CheckpointError, MissingExtraError, UsageError, reason
from stser_core.features import log_mel
from stser_core.network import Floats

FOLDER = "onnx"
GRAPHS_FILE = "graphs.json"  # a `Graphs`
CONVOLUTIONS, LAYERS, SMODEL, TMODEL, CLASSIFIER = "convolutions", "layers", "smodel", "tmodel", "classifier-"


class Graphs(Settings, frozen=True):
    """The graphs of a checkpoint."""

    made_for: CheckpointConfig  # see `shape`
    weights: dict[str, list[str]]  # of each graph by its name: the names of those that it takes


class OnnxNetwork:
    """A checkpoint's graphs, one utterance after the other: on a CPU, nothing is gained from batches."""

    accelerator = "cpu"

    def __init__(self, checkpoint: Checkpoint, accelerator: str = "cpu") -> None:
        """Load the graphs of a checkpoint with its weights; without a tokenizer, all but those that read text.

        Raises `CheckpointError` where graphs or weights are missing or broken, or do not fit each other.
        """
        if accelerator not in ("auto", "cpu"):
            raise UsageError(f"The onnx runtime computes on the CPU, not on {accelerator!r}.")
        config, folder = checkpoint.config, checkpoint.folder
        self._config, state = config, stored_weights(config, folder)
        self.neutral_mean: Floats = state.get("neutral_mean", np.zeros(config.frame_size, np.float32))
        reading = {CLASSIFIER + name for name, one in config.classifiers.items() if TEXT in one.inputs} | {TMODEL}
        self._sessions = _sessions(config, folder, state, without=set() if checkpoint.tokenizer else reading)

    def encode_frames(self, waveforms: Sequence[Floats]) -> list[Floats]:
        """See `Network`."""
        found = []
        for one in waveforms:
            frames = log_mel(one, self._config.features).T
            if (front_end := self._config.front_end) is not None:
                (hidden,) = self._run(CONVOLUTIONS, frames[None])
                pieces = np.split(hidden, range(front_end.positions, hidden.shape[1], front_end.positions), axis=1)
                frames = np.concatenate([self._run(LAYERS, piece)[0][0] for piece in pieces])
            found.append(frames[: self._config.frames_in(len(one))])
        return found

    def encode_speech(
        self, frames: Sequence[Floats], baseline: Floats, *, salience: bool
    ) -> tuple[Floats, Floats | None]:
        """See `Network`."""
        (one,) = frames  # by the limits of a CPU's batches
        vectors, weights = self._run(SMODEL, one[None].astype(np.float32), baseline[None])
        return vectors, weights if salience else None

    def encode_text(self, pieces: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        """See `Network`."""
        return self._run(TMODEL, pieces, mask)[0]

    def classify(self, vectors: Mapping[str, Floats]) -> dict[str, Floats]:
        """See `Network`."""
        return {
            name: self._run(CLASSIFIER + name, np.concatenate([vectors[one] for one in classifier.inputs], 1))[0]
            for name, classifier in self._config.classifiers.items()
            if all(one in vectors for one in classifier.inputs)
        }

    def _run(self, graph: str, *inputs: NDArray[Any]) -> list[Floats]:
        try:
            session = self._sessions[graph]
            given = zip(session.get_inputs(), inputs, strict=False)  # the baseline has no place without a front end
            outputs: list[Floats] = session.run(None, {to.name: np.ascontiguousarray(one) for to, one in given})
        except Exception as error:  # ONNX Runtime's own errors have no common class
            sentence = f"The graph {graph} is missing, or another one's; stser-train export-onnx makes it anew."
            raise CheckpointError(sentence) from error
        return outputs


def shape(config: CheckpointConfig) -> CheckpointConfig:
    """What graphs depend on: all but the ensemble and the speaker baseline, which may be changed later."""
    return replace(config, ensemble=EnsembleConfig(), speaker_baseline=None)


def stored_weights(config: CheckpointConfig, folder: Path) -> dict[str, NDArray[Any]]:
    """All weights by their names in the model, as stored; raises `CheckpointError` where a file is broken."""
    state: dict[str, NDArray[Any]] = weights.read(folder / WEIGHTS_FILE, "numpy")
    if (front_end := config.front_end) is not None:
        stored = weights.read(folder / FRONT_END_FILE, "numpy")
        state |= {f"front_end.{name}": one for name, one in stored.items()}
        state["front_end.positions"] = weights.sinusoids(front_end.positions, front_end.size)
    return state


def _sessions(config: CheckpointConfig, folder: Path, state: Mapping[str, Floats], without: Set[str]) -> dict[str, Any]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("The onnx runtime", "onnx") from error
    try:
        graphs = decode((folder / FOLDER / GRAPHS_FILE).read_bytes(), Graphs)
    except (OSError, msgspec.DecodeError) as error:
        raise CheckpointError(
            f"The checkpoint {folder} has no graphs for the onnx runtime; stser-train export-onnx makes them."
        ) from error
    if graphs.made_for != shape(config):
        raise CheckpointError(
            f"The graphs of {folder} were made for another {CONFIG_FILE}; stser-train export-onnx makes them anew."
        )
    sessions = {}
    for graph in graphs.weights.keys() - without:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False  # lengths differ: it would only grow
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # or weights would be converted in each run
        options.log_severity_level = 4
        try:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(state[name]) for name in graphs.weights[graph]]
            options.add_external_initializers(graphs.weights[graph], values)
            path = str(folder / FOLDER / f"{graph}.onnx")
            sessions[graph] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own errors have no common class
            raise CheckpointError(
                f"The graph {graph} of {folder} cannot be loaded ({reason(error)}); stser-train export-onnx remakes it."
            ) from error
    return sessions
