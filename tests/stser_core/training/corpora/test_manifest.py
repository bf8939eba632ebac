"""Manifests: any corpus as one table."""

import pytest

from stser_core.errors import DataError
from stser_core.training.clip import Clip
from stser_core.training.corpora import read


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
    (clip,) = read("manifest", table).clips
    assert clip == Clip(
        id="calls/sound/a",
        path=tmp_path / "sound" / "a.wav",
        text="Well, hello",
        label="happy",
        speaker="anna",
        session="s1",
        split="validation",
        language="en",
        corpus="calls",
        gender="F",
    )


def test_annotators_may_disagree(write):
    table = write(
        "path,label,speaker,angry,happy,neutral,sad\n"
        "sound/a.wav,,anna,1,0,3,\n"
        "sound/b.flac,angry,anna,0.4,0.2,0.4,0\n"
        "sound/c.ogg,sad,anna,,,,\n"
    )
    assert [(clip.label, clip.label_distribution) for clip in read("manifest", table).clips] == [
        ("neutral", (0.25, 0, 0.75, 0)),
        ("angry", (0.4, 0.2, 0.4, 0)),
        ("sad", None),
    ]


@pytest.mark.parametrize("count", ["many", "-1", "nan", "inf"])
def test_what_is_not_a_number_of_annotators_is_refused(write, count):
    with pytest.raises(DataError, match=r"line 2: .* count annotators"):
        read("manifest", write(f"text,label,happy\nhello,happy,{count}\n"))


def test_a_folder_with_a_manifest_will_do_and_tabs_separate_too(write, tmp_path):
    write("path\ttext\tlabel\tspeaker\nsound/a.wav\tSo, what?\tneutral\tanna\n", "manifest.tsv")
    (clip,) = read("manifest", tmp_path).clips
    assert (clip.text, clip.label, clip.split, clip.session) == ("So, what?", "neutral", None, None)


def test_each_text_without_a_speaker_is_its_own_speaker(write):
    table = write(
        "corpus\tsplit\tid\tlabel\temotion\ttext\n"
        "chat\ttrain\tc-0\tneutral\tneutral\tMy favourite food.\n"
        'chat\ttest\tc-1\tangry\tannoyance\t"He said ""stop""."\n',
        "chat.tsv",
    )
    corpus = read("manifest", table)
    assert [(clip.id, clip.speaker, clip.split) for clip in corpus.clips] == [
        ("chat/c-0", "chat/c-0", "train"),
        ("chat/c-1", "chat/c-1", "test"),
    ]
    assert corpus.clips[1].text == 'He said "stop".'
    assert corpus.clips[1].label == "angry"
    assert corpus.notes == ()


def test_recordings_without_a_speaker_count_as_one_and_a_note_says_so(write):
    corpus = read("manifest", write("path,label\nsound/a.wav,sad\nsound/b.flac,angry\n"))
    assert len({clip.speaker for clip in corpus.clips}) == 1
    assert "2 recordings name no speaker" in corpus.notes[0]


def test_other_emotions_are_left_out_and_counted_and_disagreement_about_a_gender_is_said(write):
    table = "text,emotion,speaker,gender\nBoo!,fear,a,f\nHa!,amusement,a,f\nEek!,Fear,a,f\nHey!,joy,a,m\n"
    corpus = read("manifest", write(table))
    assert [clip.label for clip in corpus.clips] == ["happy", "happy"]
    assert corpus.left_out == {"fear": 2}
    assert "the clips of a disagree about the speaker's gender" in corpus.notes[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,text,label\n,,sad\n", "line 2: neither path nor text"),
        ("path,text,label\nsound/a.wav,,\n", "line 2: no label"),
        ("text,label,split\nHi,sad,holdout\n", "line 2: split 'holdout' is not known; use one of train, "),
        ("text,label,gender\nHi,sad,x\n", "line 2: gender 'x' is not known"),
        (f"path,label\n{'x' * 300},sad\n", "a recording of .* cannot be looked for: File name too long"),
        ("path,label\nsound/z.wav,sad\nsound/y.wav,sad\n", "2 recordings of .* are missing: .*z.wav, .*y.wav"),
        ("id,path,label\n1,sound/a.wav,sad\n2,sound/a.wav,sad\n", "names 1 recordings more than once: .*a.wav"),
        ("id,text,label\n1,Hi,sad\n1,Ho,sad\n", "1 clips are there more than once, the first is manifest/1"),
        ("text,label\nHi, there,sad\n", "line 2: more cells than columns"),
        ("text,mood\nHi,sad\n", "needs a column label and a column path or text"),
        ("label\nsad\n", "needs a column label and a column path or text"),
        ("", "needs a column label"),
        ("text,label\n", "holds no clip"),
        ("text,label\nBoo!,fear\n", r"holds no clip .*left out: fear 1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(write, content, complaint):
    with pytest.raises(DataError, match=complaint):
        read("manifest", write(content))


def test_an_open_quotation_mark_does_not_swallow_the_lines_after_it(write):
    table = write('text\tlabel\n"Hi\tsad\nHo"\tsad\n', "m.tsv")
    with pytest.raises(DataError, match="line 3: a cell runs over several lines"):
        read("manifest", table)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"holds no manifest.csv or manifest.tsv"):
        read("manifest", tmp_path)
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        read("manifest", tmp_path / "nothing.csv")


def test_a_manifest_that_cannot_be_read(write, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    table = write("text,label\nHi,sad\n")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        read("manifest", table)
    monkeypatch.setattr("pathlib.Path.is_file", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        read("manifest", table)
