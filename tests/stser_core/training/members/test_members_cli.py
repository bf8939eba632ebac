"""`stser-train … --member`, from clips to a checkpoint whose member answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from stser_core import checkpoint
from stser_core.audio import load_mono
from stser_core.encoding import Encoding, pooled
from stser_core.errors import CheckpointError
from stser_core.members.hub import HubEncoder
from stser_core.prosody.functionals import FUNCTIONALS
from stser_core.recognizer import Recognizer
from stser_core.scores import Spoken
from stser_core.training.cli import main
from stser_core.training.members import commands, fitting, together


@pytest.fixture
def train(manifest, tmp_path):
    def run(command, *options):
        return main([command, "--corpus", "manifest", "--data", str(manifest), "--cache", str(tmp_path), *options])

    return run


@pytest.fixture
def recipe(tmp_path):
    def write(**settings):
        path = tmp_path / "recipe.json"
        training = {"epochs": 30, "batch": 8, "learning_rate": 0.02, "head": {"hidden": 16}}
        path.write_text(json.dumps({"training": training, **settings}))
        return str(path)

    return write


class Spectrum:
    """Stands for Whisper: the loudness in eight bands."""

    name = "whisper-base"
    key = "spectrum"

    def __init__(self, folder):
        pass

    def vector(self, samples):
        return pooled(self.frames(samples))

    def frames(self, samples):
        bands = np.array_split(np.abs(np.fft.rfft(samples, 16_000)), 8)
        return np.log([[band.mean() + 1e-3 for band in bands]]).astype(np.float32)


@pytest.fixture
def spectrum(monkeypatch):
    monkeypatch.setattr(fitting, "WhisperFolder", Spectrum)
    monkeypatch.setattr(commands, "WhisperFolder", Spectrum)


def test_a_hub_encoder_becomes_a_member(train, recipe, voice, wav2vec2, tones, tmp_path):
    out = tmp_path / "with-encoder"
    member = f"encoder:{wav2vec2}"

    code = train("fit", "--member", member, "--checkpoint", str(voice), "--out", str(out), "--recipe", recipe())

    assert code == 0
    recognizer = Recognizer.load(out, accelerator="cpu")
    samples = load_mono(tones[0].path)
    (scores,) = recognizer.score([Spoken(samples)])
    assert tuple(scores.by_classifier) == ("speech", "encoder")
    assert scores.ensemble == pytest.approx(np.mean(list(scores.by_classifier.values()), axis=0), abs=1e-6)
    settings = json.loads((out / "config.json").read_text())["members"][0]["settings"]
    assert settings["head"].keys() == {
        "family",
        "hidden",
        "features",
        "gamma",
        "heads",
        "dropout",
        "speaker_adaptation",
    }  # no default is lost
    assert (settings["encoder"], settings["inputs"], settings["revision"]) == (str(wav2vec2), 32, "")
    assert settings["pooling"] == "mean_deviation"
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "config.json",
        "encoder.safetensors",
        "model.safetensors",
    ]
    assert checkpoint.load(voice).roster.names == ()


def test_a_head_may_read_the_mean_over_time_alone(train, recipe, voice, wav2vec2, tones):
    options = ("--checkpoint", str(voice), "--out", str(voice))

    assert train("fit", "--member", f"encoder:{wav2vec2}", *options, "--recipe", recipe(pooling="mean")) == 0

    settings = json.loads((voice / "config.json").read_text())["members"][0]["settings"]
    assert (settings["inputs"], settings["pooling"]) == (16, "mean")
    recognizer = Recognizer.load(voice, classifier="encoder", accelerator="cpu")
    assert recognizer.score([Spoken(load_mono(tones[0].path))])[0].emotion == tones[0].label


def test_the_encoders_last_layer_is_trained_and_kept(train, recipe, voice, wav2vec2, tones):
    options = ("--checkpoint", str(voice), "--out", str(voice), "--member-name", "ear")

    code = train("fit", "--member", f"encoder:{wav2vec2}", *options, "--recipe", recipe(trained_layers=1))

    assert code == 0
    from safetensors.torch import load_file

    kept = {name: one for name, one in load_file(voice / "ear.safetensors").items() if name.startswith("encoder.")}
    before = HubEncoder(str(wav2vec2)).model.state_dict()
    assert kept and all("layers.1." in name for name in kept)
    assert any(not torch.equal(one, before[name.removeprefix("encoder.")]) for name, one in kept.items())
    recognizer = Recognizer.load(voice, classifier="ear", accelerator="cpu")
    trained = recognizer._members[0]._encoder.model.state_dict()
    assert all(torch.equal(one, trained[name.removeprefix("encoder.")]) for name, one in kept.items())
    assert recognizer.score([Spoken(load_mono(tones[0].path))])[0].emotion


def test_weights_that_are_pickled_are_not_read(wav2vec2, tmp_path):
    import shutil

    folder = tmp_path / "pickled"
    shutil.copytree(wav2vec2, folder)
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()

    with pytest.raises(CheckpointError, match=r"The encoder .*pickled cannot be loaded"):
        HubEncoder(str(folder))


def test_the_encoders_output_is_pooled_over_the_utterance_alone(wav2vec2):
    encoder = HubEncoder(str(wav2vec2))
    sound = np.sin(np.arange(8_000) / 5).astype(np.float32)

    with torch.inference_mode():
        assert encoder(sound).shape == (encoder.size,) == (32,)
        assert encoder(sound[:1]).isfinite().all()
        assert not torch.equal(HubEncoder(str(wav2vec2), layer=0)(sound), encoder(sound))
    with pytest.raises(CheckpointError, match="hidden states 0 to 2; 7 is none"):
        HubEncoder(str(wav2vec2), layer=7)
    with pytest.raises(CheckpointError, match="has 2 layers; 3 cannot be trained"):
        encoder.last_layers(3)


@pytest.mark.usefixtures("spectrum")
def test_a_member_over_the_recognisers_encoder(train, recipe, voice, tones, tmp_path, capsys):
    out = tmp_path / "with-whisper"
    options = ("--checkpoint", str(voice), "--out", str(out), "--recipe", recipe(), "--whisper", str(tmp_path))

    assert train("fit", "--member", "whisper", *options, "--test-share", "0.25") == 0

    figures = json.loads((out / "whisper-test.json").read_text())
    assert figures["breakdown"]["band"]["wide"]["whisper"]["ua"] > 0.9
    assert {"speech", "whisper", "ensemble"} == figures["classifiers"].keys()
    sound = load_mono(tones[0].path)
    encoding = Encoding("whisper-base", pooled(Spectrum(None).frames(sound)))
    (scores,) = Recognizer.load(out, accelerator="cpu").score([Spoken(sound, encoding=encoding)])
    assert scores.emotion_of("whisper") == tones[0].label

    capsys.readouterr()
    where = str(tmp_path / "with.json")
    assert train("evaluate", "--checkpoint", str(out), "--json", where, "--whisper", str(tmp_path)) == 0
    assert json.loads((tmp_path / "with.json").read_text())["classifiers"]["whisper"]["ua"] > 0.9

    assert train("evaluate", "--checkpoint", str(out), "--json", where) == 0
    assert json.loads((tmp_path / "with.json").read_text())["classifiers"].keys() == {"speech", "ensemble"}
    assert "Without --whisper DIR (whisper-base), whisper is absent." in capsys.readouterr().err


def test_a_member_over_how_it_is_said(train, recipe, voice, tones, tmp_path):
    out = tmp_path / "with-prosody"
    counting = recipe(count=0.5, weights={"speech": 0.25})
    options = ("--checkpoint", str(voice), "--out", str(out), "--recipe", counting)

    assert train("fit", "--member", "prosody", *options, "--test-share", "0.25") == 0

    figures = json.loads((out / "prosody-test.json").read_text())
    assert figures["breakdown"]["band"]["wide"]["prosody"]["ua"] > 0.6  # tones are no voices
    listed = json.loads((out / "config.json").read_text())["members"]
    assert [(one["name"], one["kind"], one["settings"]["functionals"]) for one in listed] == [
        ("prosody", "prosody", FUNCTIONALS)
    ]
    recognizer = Recognizer.load(out, accelerator="cpu")
    (scores,) = recognizer.score([Spoken(load_mono(tones[0].path))])
    assert tuple(scores.by_classifier) == ("speech", "prosody")
    assert scores.emotion_of("prosody") == tones[0].label
    mean = np.average(list(scores.by_classifier.values()), axis=0, weights=[0.25, 0.5])
    assert scores.ensemble == pytest.approx(mean, abs=1e-6)
    assert recognizer.score([Spoken(np.zeros(0, np.float32), "no sound at all")]) == [None]


def test_a_head_upon_other_functionals_is_refused(train, recipe, voice, tmp_path):
    out = tmp_path / "with-prosody"
    options = ("--checkpoint", str(voice), "--out", str(out), "--recipe", recipe())
    assert train("fit", "--member", "prosody", *options) == 0
    config = (out / "config.json").read_text()
    (out / "config.json").write_text(config.replace(FUNCTIONALS, "prosody-0"))

    with pytest.raises(CheckpointError, match="reads the functionals 'prosody-0'; this version"):
        Recognizer.load(out, accelerator="cpu")
    assert Recognizer.load(out, classifier="speech", accelerator="cpu").classifiers == ("speech",)


@pytest.mark.usefixtures("spectrum")
def test_how_sure_a_member_and_the_others_may_be_together_is_found_on_the_validation_part(
    train, recipe, voice, tmp_path, monkeypatch
):
    options = ("--checkpoint", str(voice), "--recipe", recipe(), "--whisper", str(tmp_path))
    of_few = tmp_path / "few"
    assert train("fit", "--member", "whisper", *options, "--out", str(of_few)) == 0
    assert "speech+whisper" not in checkpoint.read_settings(of_few).temperatures

    monkeypatch.setattr(together, "_FEWEST", 1)
    out = tmp_path / "joined"
    assert train("fit", "--member", "whisper", *options, "--out", str(out)) == 0
    temperatures = checkpoint.read_settings(out).temperatures
    assert 0 < temperatures["speech+whisper"] < 0.7  # both recognise the tones, so their mean is right nearly always

    again = tmp_path / "again"
    upon = ("--checkpoint", str(out), *options[2:])
    assert train("fit", "--member", "whisper", *upon, "--out", str(again)) == 0
    assert checkpoint.read_settings(again).temperatures == pytest.approx(temperatures, rel=0.02)


@pytest.mark.usefixtures("spectrum")
def test_a_member_in_the_folds_of_the_model(train, recipe, voice, tmp_path):
    import shutil

    runs = tmp_path / "runs"
    options = ("--recipe", recipe(), "--whisper", str(tmp_path), "--out", str(runs))

    assert train("cross-validate", "--member", "whisper", *options, "--leave-out", "corpus") == 0
    alone = json.loads((runs / "whisper.json").read_text())
    for corpus in ("corpus0", "corpus1"):
        shutil.copytree(voice, runs / "seed0" / corpus / "checkpoint")
    assert train("cross-validate", "--member", "whisper", *options, "--leave-out", "corpus") == 0
    joined = json.loads((runs / "whisper.json").read_text())

    assert alone["classifiers"]["whisper"]["n"] == 32
    assert alone["mean_ua"]["whisper"] > 0.9
    assert [run["fold"] for run in alone["runs"]] == ["corpus0", "corpus1"]
    assert joined["classifiers"].keys() == {"speech", "whisper", "ensemble"}
    assert joined["classifiers"]["whisper"] == alone["classifiers"]["whisper"]

    unheard = [option for option in options if option not in {"--whisper", str(tmp_path)}]
    assert train("cross-validate", "--member", "prosody", "--join", *unheard, "--leave-out", "corpus") == 0
    assert train("cross-validate", "--member", "whisper", *options, "--leave-out", "corpus") == 0
    beside = json.loads((runs / "whisper.json").read_text())
    assert beside["classifiers"].keys() == {"speech", "prosody", "whisper", "ensemble"}
    assert beside["classifiers"]["prosody"]["n"] == 32

    leading = (
        "--recipe",
        recipe(count=1e6),
        "--whisper",
        str(tmp_path),
        "--out",
        str(runs),
    )
    assert train("cross-validate", "--member", "whisper", *leading, "--leave-out", "corpus") == 0
    led = json.loads((runs / "whisper.json").read_text())
    sureness = {name: one["ece"] for name, one in led["classifiers"].items()}
    assert sureness["ensemble"] == pytest.approx(sureness["whisper"], abs=1e-3)
    assert joined["classifiers"]["ensemble"]["ece"] != pytest.approx(sureness["whisper"], abs=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--member", "prosody", "--recipe", "weightless"), "weights.speech must be above 0"),
        (("--member", "prosody", "--recipe", "stranger"), "weights name 'face', which the checkpoint 'voice' has not"),
        (("--member", "face"), "--member face: there are whisper, prosody and encoder:HUB-ID"),
        (("--member", "whisper"), "needs Whisper's folder: --whisper DIR"),
        (("--member", "prosody", "--teacher", "prosody"), "--teacher does not go with --member"),
        (("--teacher", "prosody"), "--teacher prosody: there are whisper and encoder:HUB-ID"),
        (("--member", "whisper", "--preset", "paper"), "--preset does not go with --member"),
        (("--whisper", "/models/whisper"), "--whisper goes with --member whisper or --teacher whisper."),
        (("--member", "prosody", "--whisper", "w"), "--whisper goes with --member whisper, not with --member prosody"),
        (("--teacher", "encoder:tiny", "--whisper", "w"), "--whisper goes with --teacher whisper"),
        (("--member", "encoder:/nowhere/at/all"), "The encoder /nowhere/at/all cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_said(train, recipe, tmp_path, voice, capsys, options, message):
    weights = {"weightless": {"speech": 0}, "stranger": {"face": 1}}
    options = [recipe(weights=weights[option]) if option in weights else option for option in options]
    upon = ("--checkpoint", str(voice)) if "--member" in options else ()
    assert train("fit", "--out", str(tmp_path / "out"), *upon, *options) > 0
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "refused"), [(("--transcripts", "vosk"), "--transcripts"), (("--overwrite",), "--overwrite")]
)
def test_what_concerns_the_model_alone_does_not_go_with_a_member_in_folds(train, tmp_path, capsys, options, refused):
    assert train("cross-validate", "--out", str(tmp_path / "out"), "--member", "prosody", *options) == 2
    assert f"{refused} does not go with --member" in capsys.readouterr().err


@pytest.mark.usefixtures("spectrum")
def test_an_encoder_that_no_member_reads_is_refused(train, voice, tmp_path, capsys):
    assert train("evaluate", "--checkpoint", str(voice), "--whisper", str(tmp_path)) == 2
    assert "is whisper-base, but voice reads no encoder" in capsys.readouterr().err
