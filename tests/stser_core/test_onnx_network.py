"""The onnx runtime: the same scores as torch's, without torch."""

import json
import shutil
import subprocess
import sys
from functools import partial, reduce
from operator import getitem

import numpy as np
import pytest

from stser_core import SpeakerBaseline, SpeechInput, onnx_network
from stser_core import checkpoint as checkpoints
from stser_core.audio import load_mono
from stser_core.errors import CheckpointError, MissingExtraError, OutputError, UsageError
from stser_core.recognizer import EmotionRecognizer
from stser_core.training.onnx_export import export
from stser_core.training.saving import save

LENGTHS = (1, 900, 16_000, 60_000, 9_001)
TEXTS = ["hello", "i am really angry about my internet bill", None, "thank you so much", ""]


def sound(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


def change(folder, value, *place):
    """Edit a checkpoint's config.json."""
    settings = json.loads((folder / "config.json").read_text())
    *parts, name = place
    reduce(getitem, parts, settings)[name] = value
    (folder / "config.json").write_text(json.dumps(settings))


@pytest.fixture
def small(config, build, tokenizer, tmp_path):
    save(tmp_path / "small", build(config), tokenizer, "For tests.")
    return tmp_path / "small"


def assert_alike(checkpoint, inputs):
    """Both runtimes give the same scores of what `inputs` makes anew for each."""
    load = partial(EmotionRecognizer.load, checkpoint, accelerator="cpu", explain=True)
    for theirs, ours in zip(*(load(runtime=one).score(inputs()) for one in ("torch", "onnx")), strict=True):
        assert ours.by_classifier.keys() == theirs.by_classifier.keys()
        pairs = [(ours.ensemble, theirs.ensemble), (ours.salience, theirs.salience)]
        pairs += [(one, theirs.by_classifier[name]) for name, one in ours.by_classifier.items()]
        assert all(one == pytest.approx(other, abs=1e-4) for one, other in pairs)


@pytest.mark.parametrize("kind", ["config", "front_config"])
def test_the_scores_are_those_of_torch(kind, request, build, tokenizer, tmp_path):
    """Of short and long utterances (several times the positions), with words and without, as a call."""
    save(tmp_path, build(request.getfixturevalue(kind)), tokenizer, "For tests.")
    assert export(tmp_path) == tmp_path
    change(tmp_path, 2.5, "ensemble", "temperatures", "speech")  # which no graph depends on

    def inputs():
        speaker = SpeakerBaseline()
        turns = [SpeechInput(sound(n), text, 1.0, speaker) for n, text in zip(LENGTHS, TEXTS, strict=True)]
        return [*turns, *(SpeechInput(sound(16_000), text) for text in TEXTS)]

    assert_alike(tmp_path, inputs)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_without_text_no_transcript_is_read(runtime):
    recognizer = EmotionRecognizer.load(runtime=runtime, text=False)
    with_words, alone = recognizer.score([SpeechInput(sound(16_000), "i am furious", 1.0), SpeechInput(sound(16_000))])

    assert with_words == alone
    assert set(alone.by_classifier) == {"speech"}


def test_the_shipped_checkpoint_has_graphs_that_fit(data):
    """They depend on the shape of the model alone: after a change of it, stser-train export-onnx makes them anew."""
    clip = load_mono(data / "calls" / "two_speakers_16k_mono.wav")[: 8 * 16_000]
    assert_alike("default", lambda: [SpeechInput(clip, TEXTS[1])])


def test_a_copy_can_be_exported_and_what_is_missing_is_said(small, tmp_path, monkeypatch):
    folder = export(small, tmp_path / "copy")
    assert EmotionRecognizer.load(folder, runtime="onnx").score([SpeechInput(sound(9_000))])[0] is not None
    with pytest.raises(CheckpointError, match="export-onnx"):
        EmotionRecognizer.load(small, runtime="onnx")
    with pytest.raises(UsageError, match="cuda"):
        EmotionRecognizer.load(folder, runtime="onnx", accelerator="cuda")
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", folder):
        with pytest.raises(OutputError, match=place.name):
            export(small, place)
    (folder / onnx_network.FOLDER / "tmodel.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="tmodel"):
        EmotionRecognizer.load(folder, runtime="onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="onnx"):
        EmotionRecognizer.load(folder, runtime="onnx")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((("features", "mel_bands"), 72), (("front_end", "layers"), 4), (("front_end", "heads"), 4)),
        *((("smodel", "heads"), 2), (("tmodel", "albert", "num_attention_heads"), 8)),
        (("classifiers", "words"), {"inputs": ["text"]}),
    ],
)
def test_graphs_of_another_configuration_are_refused(tmp_path, place, value):
    """Of another number of heads, the weights have the same shape."""
    folder = shutil.copytree(checkpoints.resolve("default"), tmp_path / "other")
    change(folder, value, *place)

    with pytest.raises(CheckpointError, match=r"another config\.json; stser-train export-onnx"):
        EmotionRecognizer.load(folder, runtime="onnx")


def test_graphs_that_are_damaged_by_hand_are_told(small):
    folder = export(small) / onnx_network.FOLDER
    described = (folder / onnx_network.GRAPHS_FILE).read_text()
    graphs = json.loads(described)
    del graphs["weights"]["smodel"]
    for text in (json.dumps(graphs), described):  # one graph is not named; one is another's
        (folder / onnx_network.GRAPHS_FILE).write_text(text)
        with pytest.raises(CheckpointError, match="export-onnx"):
            EmotionRecognizer.load(small, runtime="onnx").score([SpeechInput(sound(9_000))])
        shutil.copy(folder / "classifier-text.onnx", folder / "classifier-speech.onnx")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runtime", "unwanted"), [("onnx", {"torch", "onnx"}), ("torch", {"onnxruntime", "sympy", "ray", "vosk"})]
)
def test_a_replay_imports_no_more_than_it_needs(data, tmp_path, runtime, unwanted):
    recording = data / "calls" / "two_speakers_16k_mono.wav"
    arguments = ["replay", str(recording), "--asr", "none", "--quiet", "--runtime", runtime, "--csv", "-"]
    code = f"import sys; from monitor.cli import main; main({arguments!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert len(done.stdout.splitlines()) > 2
    unwanted |= {"torchaudio", "transformers", "huggingface_hub", "sklearn", "scipy"}
    assert not unwanted & set(done.stderr.split())
