"""Manifests, as people write them: any corpus as one table."""

import csv
import shutil

import numpy as np
import pytest
from making import write_wav

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.model import Stser
from stser_core.training.caches import FrameCache
from stser_core.training.cli import main
from stser_core.training.clip import Clip
from stser_core.training.corpora import read
from stser_core.training.options import Corpora
from stser_core.training.splits import divide

HEADER = "path,label,speaker"


@pytest.fixture
def write(tmp_path):
    (tmp_path / "sound").mkdir()
    for name in ("a.wav", "b.flac", "c.ogg"):
        (tmp_path / "sound" / name).touch()

    def to_file(content, name="manifest.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return to_file


def test_every_column_is_read(write, tmp_path):
    table = write(
        "path,text,label,speaker,session,split,corpus,gender,language,remark\n"
        'sound/a.wav,"Well, hello",joy,anna,s1,dev,calls,female,EN,whatever\n'
    )
    path, given = tmp_path / "sound" / "a.wav", {"corpus": "calls", "gender": "F"}
    clip = Clip("calls/sound/a", path, "Well, hello", "happy", "anna", "s1", "validation", "en", **given)
    assert read("manifest", table).clips == (clip,)
    disagreeing = write(
        "path,label,speaker,angry,happy,neutral,sad\n"
        "sound/a.wav,,anna,1,0,3,\n"
        "sound/b.flac,angry,anna,0.4,0.2,0.4,0\n"
        "sound/c.ogg,sad,anna,,,,\n"
    )
    assert [(clip.label, clip.label_distribution) for clip in read("manifest", disagreeing).clips] == [
        ("neutral", (0.25, 0, 0.75, 0)),
        ("angry", (0.4, 0.2, 0.4, 0)),
        ("sad", None),
    ]


def test_each_text_without_a_speaker_is_its_own_speaker_and_recordings_without_one_count_as_one(write, tmp_path):
    write(
        "corpus\tsplit\tid\tlabel\temotion\ttext\n"
        "chat\ttrain\tc-0\tneutral\tneutral\tMy favourite food.\n"
        'chat\ttest\tc-1\tangry\tannoyance\t"He said ""stop""."\n',
        "manifest.tsv",
    )
    corpus = read("manifest", tmp_path)
    assert [(clip.id, clip.speaker, clip.split) for clip in corpus.clips] == [
        ("chat/c-0", "chat/c-0", "train"),
        ("chat/c-1", "chat/c-1", "test"),
    ]
    assert corpus.clips[1].text == 'He said "stop".'
    assert corpus.notes == ()
    corpus = read("manifest", write("path,label\nsound/a.wav,sad\nsound/b.flac,angry\n"))
    assert len({clip.speaker for clip in corpus.clips}) == 1
    assert "2 recordings name no speaker" in corpus.notes[0]


def test_words_of_other_corpora_are_one_of_the_emotions_or_left_out_and_counted(write):
    words = ("ang angry Anger", "exc Excited joy HAPPY amusement", "neu Neutral", "sadness sad")
    rows = [f"{label}, {word} \n" for label, some in zip(LABELS, words, strict=True) for word in some.split()]
    others = [f"oh,{word}\n" for word in ("fear", "Fear", "fru", "xxx")]
    corpus = read("manifest", write("".join(["text,emotion\n", *rows, *others])))
    assert all(clip.label == clip.text for clip in corpus.clips) and len(corpus.clips) == len(rows)
    assert corpus.left_out == {"fear": 2, "fru": 1, "xxx": 1}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,text,label\n,,sad\n", "line 2: neither path nor text"),
        ("path,text,label\nsound/a.wav,,\n", "line 2: no label"),
        ("text,label,split\nHi,sad,holdout\n", "line 2: split 'holdout' is not known; use one of train, "),
        ("text,label,gender\nHi,sad,x\n", "line 2: gender 'x' is not known"),
        (f"path,label\n{'x' * 300},sad\n", "a recording of .* cannot be looked for .File name too long"),
        ("path,label\nsound/z.wav,sad\nsound/y.wav,sad\n", "2 recordings of .* are missing: .*z.wav, .*y.wav"),
        ("path,label\nC:\\sound\\a.wav,sad\n", "1 recordings of .* are missing"),
        ("id,path,label\n1,sound/a.wav,sad\n2,sound/a.wav,sad\n", "1 recording given more than once, .*a.wav first"),
        ("id,text,label\n1,Hi,sad\n1,Ho,sad\n", "1 clip given more than once, manifest/1 first"),
        ("text,label\nHi, there,sad\n", "line 2: more cells than columns"),
        ('text\tlabel\n"Hi\tsad\nHo"\tsad\n', "line 3: a cell runs over several lines"),
        ("text,label,label\nHi,sad,happy\n", "column label twice"),
        ("text,mood\nHi,sad\n", "needs a column label and a column path or text"),
        ("", "needs a column label"),
        ('text,label\n"Hi' + "i" * 200_000, "line 2: .*; close every quotation mark"),
        ("text,label\nBoo!,fear\n", r"holds no clip .*left out: fear 1"),
        *((f"text,happy\nhello,{n}\n", "line 2: .* count annotators") for n in ("many", "-1", "nan", "inf")),
    ],
)
def test_what_is_wrong_is_said_with_its_place(write, content, complaint):
    before = csv.field_size_limit(131_072)  # as in a process that reads no timeline
    with pytest.raises(DataError, match=complaint):
        Corpora(["manifest"], [write(content)]).clips()
    csv.field_size_limit(before)


def test_a_manifest_that_is_not_there_or_cannot_be_read(write, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"holds no manifest.csv or manifest.tsv"):
        read("manifest", tmp_path)
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        read("manifest", tmp_path / "nothing.csv")
    table = write("text,label\nHi,sad\n")
    table.write_bytes("text,label\nHi,sad\n".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        read("manifest", table)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    for method in ("read_bytes", "is_file"):
        monkeypatch.setattr(f"pathlib.Path.{method}", refuse)
        with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
            read("manifest", table)


def record(path, hertz, rate=16_000, seconds=0.4):
    write_wav(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)


@pytest.fixture
def corpus(tmp_path):
    """Three speakers, four clips each; every recording differs."""
    rows = [HEADER]
    for who in range(3):
        for number, label in enumerate(LABELS):
            record(tmp_path / "calls" / f"{who}{label}.wav", 200 + 100 * who + 10 * number)
            rows.append(f"calls/{who}{label}.wav,{label},speaker{who}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def rewritten(old, new, encoding="utf-8"):
    def change(folder):
        path = folder / "manifest.csv"
        path.write_bytes(path.read_text().replace(old, new).encode(encoding))

    return change


def recorded(*how, **given):
    return lambda folder: record(folder / "calls" / "0angry.wav", *how, **given)


@pytest.mark.parametrize(
    "change",
    [
        rewritten("\n", "\r\n", "utf-8-sig"),
        rewritten("speaker0", "Zoë", "latin-1"),
        rewritten("calls/", "calls\\"),
        rewritten(",", ";"),
        rewritten(",", "\t"),
        rewritten(HEADER, " Path ,LABEL,Speaker"),
        rewritten("\n", "\n\n"),
        recorded(333, rate=44_100),
        recorded(333, seconds=0.01),
        recorded(0),  # silence
    ],
)
def test_what_is_meant_is_read(corpus, default_like, change):
    change(corpus)
    clips = Corpora(["manifest"], [corpus / "manifest.csv"]).clips()
    assert {clip.label for clip in clips} == set(LABELS) and len(clips) == 12
    cache = FrameCache(Stser(default_like), corpus / "cache")
    cache.prepare(clips)
    assert all(cache.length(clip) and np.isfinite(cache.frames(clip)).all() for clip in clips)


def test_copies_cannot_leak_into_another_part_and_what_is_left_out_is_counted(corpus, capsys):
    for label in LABELS:
        shutil.copy(corpus / "calls" / f"0{label}.wav", corpus / "calls" / f"2{label}.wav")
    rewritten("1sad.wav,sad,", "1sad.wav,bored,")(corpus)
    fold = divide(Corpora(["manifest"], [corpus / "manifest.csv"]).clips(), 0.5)
    assert {clip.speaker for clip in fold.train + fold.validation} == {"speaker0", "speaker1"}
    said = capsys.readouterr().err
    assert "copies of others: 4" in said and "bored 1" in said


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("<html>404</html>"),
        lambda path: record(path, 300, seconds=0),
    ],
)
def test_a_recording_that_cannot_be_used_is_one_sentence_before_training(corpus, change, capsys):
    change(corpus / "calls" / "0sad.wav")
    place = ["--corpus", "manifest", "--data", str(corpus / "manifest.csv"), "--cache", str(corpus / "cache")]
    assert main(["fit", *place, "--preset", "paper", "--classifiers", "speech", "--out", str(corpus / "run")]) == 1
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stser-train: ")]
    assert len(complaint) == 1 and "0sad.wav" in complaint[0]
    assert not (corpus / "run" / "checkpoint").exists()
