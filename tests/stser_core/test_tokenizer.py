"""Transcripts become what speech recognisers write, in training and in monitoring, and then ALBERT's own pieces."""

import json
import unicodedata

import pytest

from stser_core.errors import CheckpointError
from stser_core.tokenizer import Tokenizer, normalise


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I'm NOT happy -- at all!", "i'm not happy at all"),
        ("I’m sure it‘s fine", "i'm sure it's fine"),
        ("'Twas the dogs' 'idea'", "twas the dogs idea"),
        ("[LAUGHTER] yeah <breath> right (sighs)", "yeah right"),
        ("well-known e-mail, 24/7", "well known e mail 24 7"),
        ("snake_case\tand\nlines", "snake case and lines"),
        *(("Ärger über Größe", "ärger über größe"), ("re\u0301sume\u0301", "résumé")),
        *(("안녕하세요, 여러분!", "안녕하세요 여러분"), ("你好。我很生气！", "你好 我很生气")),
        ("नमस्ते, आप कैसे हैं?", "नमस्ते आप कैसे हैं"),
        *(("[LAUGHTER] ... ''", ""), ("", "")),
    ],
)
def test_as_a_transcriber_would_write_it(text, spoken):
    once = normalise(text)
    assert normalise(once) == once == unicodedata.normalize("NFC", spoken)


def test_marks_may_stay():
    said = {"What?! No, really...": "what ? ! no really", "你好！真的吗？": "你好 ! 真的吗 ?", "it's fine": "it's fine"}
    for text, read in {**said, "?!": "", "[LAUGHTER] !": ""}.items():
        assert normalise(text, marks=True) == read


def test_pieces_are_those_of_albert_base_v2(tokenizer):
    for text in ("i'm really angry about my internet bill", "I’m REALLY angry about my Internet bill! [LAUGHTER]"):
        assert tokenizer([text]).pieces.tolist() == [[2, 31, 22, 79, 510, 3365, 88, 51, 2620, 1071, 3]]
    assert tokenizer([""]).pieces.tolist() == [[2, 3]]


def test_english_is_known_and_other_scripts_are_mostly_not(tokenizer):
    english = ["hello", "i'm really angry about my internet bill", "my café order was for Zoë", ""]
    others = ["안녕하세요", "안녕하세요 여러분 만나서 반갑습니다", "спасибо большое"]
    others += ["我 很 生气", "我很生气你们的服务太差了"]
    assert tokenizer(english).unknown == (0.0,) * len(english)
    assert min(tokenizer(others).unknown) > 0.7
    assert tokenizer(["hello 안녕하세요", english[1]]).unknown == (0.5, 0.0), "of words, not of padding"


def test_marks_are_read_where_that_is_asked_for_and_are_not_words(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    reading = Tokenizer.load(tmp_path, maximum_pieces=32, marks=True)

    assert reading(["so what?"]).pieces.tolist() != reading(["so what"]).pieces.tolist()
    assert tokenizer(["so what?"]).pieces.tolist() == tokenizer(["so what"]).pieces.tolist()
    assert reading(["so what?!"]).unknown == (0.0,)
    assert reading(["안녕하세요!!"]).unknown == tokenizer(["안녕하세요"]).unknown


@pytest.mark.parametrize("content", [None, "no json", "{}", "no <unk>"])
def test_a_broken_tokenizer_is_named(tmp_path, content, tokenizer):
    if content == "no <unk>":
        tokenizer.save(tmp_path)
        whole = json.loads((tmp_path / "tokenizer.json").read_text())
        del whole["model"]["unk_id"]
        content = json.dumps(whole)
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)

    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be read as a tokenizer"):
        Tokenizer.load(tmp_path, 96)
