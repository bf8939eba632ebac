"""The text side: ALBERT's own pieces, and encoders in the Hub's format."""

from __future__ import annotations

import shutil

import pytest
import torch
from transformers import AlbertConfig, AlbertForMaskedLM, AlbertModel, BertConfig, BertModel

from stser_core.errors import CheckpointError
from stser_core.tmodel import TextSettings, Tokenizer, pretrained


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("This is a test", [2, 48, 25, 21, 1289, 3]),
        ("i'm really angry about my internet bill", [2, 31, 22, 79, 510, 3365, 88, 51, 2620, 1071, 3]),
        ("I’m REALLY angry about my Internet bill! [LAUGHTER]", [2, 31, 22, 79, 510, 3365, 88, 51, 2620, 1071, 3]),
        ("hello", [2, 10975, 3]),
        ("", [2, 3]),
    ],
)
def test_pieces_are_those_of_albert_base_v2(tokenizer, text, pieces):
    assert tokenizer([text]).pieces.tolist() == [pieces]


def test_a_batch_is_padded_and_masked(tokenizer):
    encoded = tokenizer(["hello", "This is a test"])

    assert encoded.pieces.tolist() == [[2, 10975, 3, 0, 0, 0], [2, 48, 25, 21, 1289, 3]]
    assert encoded.mask.tolist() == [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]]
    assert encoded.pieces.dtype == encoded.mask.dtype == torch.int64


def test_a_long_transcript_loses_its_end_and_keeps_the_last_mark(tokenizer):
    pieces = tokenizer(["hello " * 100]).pieces[0].tolist()

    assert pieces == [2, *[10975] * 30, 3]


@pytest.mark.parametrize("text", ["hello", "i'm really angry about my internet bill", "my café order was for Zoë", ""])
def test_english_is_known(tokenizer, text):
    assert tokenizer([text]).unknown == (0.0,)


@pytest.mark.parametrize(
    "text",
    [
        "안녕하세요",
        "안녕하세요 여러분 만나서 반갑습니다",
        "我很生气你们的服务太差了",
        "我 很 生气",
        "ሰላም እንዴት ነህ",
        "спасибо большое",
    ],
)
def test_other_scripts_are_mostly_unknown(tokenizer, text):
    assert tokenizer([text]).unknown[0] > 0.7


def test_the_unknown_share_counts_words_not_padding(tokenizer):
    assert tokenizer(["hello 안녕하세요", "i'm really angry about my internet bill"]).unknown == (0.5, 0.0)


def test_a_tokenizer_survives_saving(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path, maximum_pieces=5)

    assert again(["This is a test, really"]).pieces.tolist() == [[2, 48, 25, 21, 3]]


def test_marks_are_read_where_that_is_asked_for_and_are_no_words(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    reading = Tokenizer.load(tmp_path, maximum_pieces=32, marks=True)

    assert reading(["so what?"]).pieces.tolist() != reading(["so what"]).pieces.tolist()
    assert tokenizer(["so what?"]).pieces.tolist() == tokenizer(["so what"]).pieces.tolist()
    assert reading(["so what?!"]).unknown == (0.0,)
    assert reading(["안녕하세요!!"]).unknown == tokenizer(["안녕하세요"]).unknown


@pytest.mark.parametrize("content", [None, "no json", "{}"])
def test_a_broken_tokenizer_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)

    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be read as a tokenizer"):
        Tokenizer.load(tmp_path, 96)


@pytest.fixture
def encoder(tmp_path, settings, data):
    """A small ALBERT in the Hub's format, as `albert-base-v2` comes."""
    torch.manual_seed(1)
    AlbertModel(AlbertConfig(**settings.text.albert)).save_pretrained(tmp_path / "encoder")
    shutil.copy(data / "albert-vocab" / "tokenizer.json", tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_pretrained_encoder_keeps_its_weights(encoder, pooling):
    tmodel, tokenizer = pretrained(TextSettings(encoder=str(encoder), pooling=pooling))

    encoded = tokenizer(["hello", "This is a test"])
    with torch.no_grad():
        vector = tmodel.eval()(encoded.pieces, encoded.mask)
        expected = AlbertModel.from_pretrained(encoder).eval()(encoded.pieces, encoded.mask)
    if pooling == "cls":
        assert torch.allclose(vector, expected.pooler_output, atol=1e-6)
    else:
        first = expected.last_hidden_state[0, :3].mean(0)
        assert torch.allclose(vector[0], first, atol=1e-6)
    assert tmodel.settings.vector_size == 12
    assert tmodel.settings.albert["num_hidden_layers"] == 2
    assert encoded.pieces.tolist()[1] == [2, 48, 25, 21, 1289, 3]


def test_an_encoder_from_masked_language_training_has_no_pooler(tmp_path, settings, data):
    AlbertForMaskedLM(AlbertConfig(**settings.text.albert)).save_pretrained(tmp_path)
    shutil.copy(data / "albert-vocab" / "tokenizer.json", tmp_path)

    tmodel, _ = pretrained(TextSettings(encoder=str(tmp_path), pooling="mean"))
    assert tmodel.settings.vector_size == 12
    with pytest.raises(CheckpointError, match=r"lacks some of its weights, pooler\.bias among them"):
        pretrained(TextSettings(encoder=str(tmp_path), pooling="cls"))


def test_another_architecture_is_refused(tmp_path, data):
    config = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)

    with pytest.raises(CheckpointError, match=r"is no ALBERT; its config\.json says 'bert'"):
        pretrained(TextSettings(encoder=str(tmp_path)))


@pytest.mark.parametrize("damage", ["missing", "weights", "config", "tokenizer"])
def test_a_broken_encoder_is_named(encoder, damage):
    match damage:
        case "missing":
            shutil.rmtree(encoder)
        case "weights":
            (encoder / "model.safetensors").write_bytes(b"broken")
        case "config":
            (encoder / "config.json").write_text("{")
        case "tokenizer":
            (encoder / "tokenizer.json").unlink()

    with pytest.raises(CheckpointError, match="text encoder") as raised:
        pretrained(TextSettings(encoder=str(encoder)))
    assert "\n" not in str(raised.value)
