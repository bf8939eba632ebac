"""Readers of corpora, on trees, tables and names as the releases have them."""

import shutil
from itertools import product

import pytest
from iemocap_sample import make_tree

from stser_core.errors import DataError
from stser_core.training.corpora import read

RATING = "[6.2901 - 8.2357]\t{turn}\t{code}\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("iemocap")
    return directory, make_tree(directory, turns=28, seed=3)


@pytest.fixture
def tree(made, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(made[0], tmp_path / "tree")


def test_every_turn_of_the_four_emotions_is_read_with_its_speaker_whoever_wore_the_markers(made, tmp_path):
    directory, sample = made
    (tmp_path / "IEMOCAP_full_release").symlink_to(directory)
    assert read("iemocap", tmp_path).counts == sample.counts
    corpus = read("iemocap", directory)
    assert corpus.counts == sample.counts
    assert len(corpus.clips) + sum(sample.left_out.values()) == sample.turns == 5 * 28
    assert {"xxx" if code == "no majority" else code: n for code, n in corpus.left_out.items()} == sample.left_out
    assert "EXPECTED 5,531 clips (angry 1,103, happy 1,636, neutral 1,708, sad 1,084), FOUND" in corpus.notes[0]
    assert {clip.speaker for clip in corpus.clips} == {f"Ses0{n}_{gender}" for n in range(1, 6) for gender in "FM"}
    for clip in corpus.clips:
        turn = clip.id.removeprefix("iemocap/")
        assert clip.path.is_file() and clip.text
        assert (clip.path.stem, clip.path.parent.name) == (turn, turn.rsplit("_", 1)[0])
        assert clip.speaker == f"{turn[:5]}_{turn.rsplit('_', 1)[1][0]}" == f"{clip.session}_{clip.gender}"
    in_dialogue_of_a_woman = {clip.gender for clip in corpus.clips if clip.id.startswith("iemocap/Ses01F_script")}
    assert in_dialogue_of_a_woman == {"F", "M"}


def test_a_turn_without_a_transcription_is_kept_without_words_and_what_is_missing_is_named(tree, tmp_path):
    shutil.rmtree(tree / "Session4")
    clip = read("iemocap", tree).clips[0]
    dialogue = tree / "Session1" / "dialog" / "transcriptions" / f"{clip.path.parent.name}.txt"
    lines = [line for line in dialogue.read_text().splitlines() if not line.startswith(clip.path.stem)]
    dialogue.write_text("\n".join(lines))
    corpus = read("iemocap", tree)
    assert (corpus.clips[0].id, corpus.clips[0].text) == (clip.id, None)
    assert corpus.notes[0] == "iemocap: Session4 missing."
    assert f"1 rated turns have no line in the transcriptions: {clip.id}." in corpus.notes[1]
    clip.path.unlink()
    with pytest.raises(DataError, match=f"1 recordings of .* are missing: .*{clip.path.name}"):
        read("iemocap", tree)
    for part in ("EmoEvaluation", "transcriptions"):
        shutil.rmtree(tree / "Session1" / "dialog" / part)
        with pytest.raises(DataError, match=f"Session1/dialog/{part} is missing"):
            read("iemocap", tree)
    (tmp_path / "empty").mkdir()
    for folder, complaint in (("empty", "holds no Session1 to Session5"), ("nowhere", "is not a folder")):
        with pytest.raises(DataError, match=complaint):
            read("iemocap", tmp_path / folder)


@pytest.mark.parametrize(
    ("folder", "line", "complaint"),
    [
        ("EmoEvaluation", "[6.2901 - 8.2357]\tSes01F_impro01_F900\tjoy\t[2.5, 2.5, 2.5]\n", "is not a turn's rating"),
        ("EmoEvaluation", "[6.2901 - \n", "is not a turn's rating"),
        ("EmoEvaluation", RATING.format(turn="Ses02F_impro01_F900", code="sad"), "which is not a turn of Session1"),
        ("EmoEvaluation", RATING.format(turn="Ses01F_impro01_F000", code="sad"), ""),
        ("transcriptions", "Ses01F_impro01_F000 [1.0-2.0]: Something else.\n", "gives Ses01F_impro01_F000 other words"),
    ],
)
def test_a_line_that_contradicts_the_format_or_another_is_named(tree, folder, line, complaint):
    path = tree / "Session1" / "dialog" / folder / "Ses01F_impro01.txt"
    number = len(path.read_text().splitlines()) + 1
    path.write_text(path.read_text() + line)
    with pytest.raises(DataError, match=f"Ses01F_impro01.txt, line {number}.*{complaint}"):
        read("iemocap", tree)


HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
TEST = "output_repeated_splits_test"


def row(text, speaker, emotion, dialogue, utterance):
    return f'1,"{text}",{speaker},{emotion},neutral,{dialogue},{utterance},4,7,"00:20:57,256","00:21:00,049"\n'


@pytest.fixture
def meld(tmp_path):
    tables = {
        "train": row("Oh my God, he’s lost it.", "Phoebe", "sadness", 0, 0) + row("What?", "Monica", "surprise", 0, 1),
        "dev": row('""Wanted."" Nice!', "Chandler", "joy", 0, 0),
        "test": row("Get out!", "Ross", "anger", 0, 0) + row("Okay.", "Joey", "neutral", 1, 0),
    }
    for part, rows in tables.items():
        (tmp_path / f"{part}_sent_emo.csv").write_text(HEADER + rows, encoding="utf-8")
    recordings = {
        "train_splits": ("dia0_utt0", "dia0_utt1"),
        "dev_splits_complete": ("dia0_utt0",),
        TEST: ("dia0_utt0", "dia1_utt0", "._dia1_utt0", "final_videos_testdia1_utt0"),
    }
    for folder, names in recordings.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.mp4").touch()
    return tmp_path


def by_id(meld):
    return {clip.id: clip for clip in read("meld", meld).clips}


def test_words_speakers_splits_and_recordings_belong_together(meld):
    clips = by_id(meld)
    assert set(clips) == {"meld/train_dia0_utt0", "meld/dev_dia0_utt0", "meld/test_dia0_utt0", "meld/test_dia1_utt0"}
    first, second = clips["meld/train_dia0_utt0"], clips["meld/dev_dia0_utt0"]
    assert (first.label, first.speaker, first.split) == ("sad", "meld_Phoebe", "train")
    assert (first.text, first.path) == ("Oh my God, he’s lost it.", meld / "train_splits" / "dia0_utt0.mp4")
    assert (second.label, second.split, second.text) == ("happy", "validation", '"Wanted." Nice!')
    assert clips["meld/test_dia0_utt0"].path == meld / TEST / "dia0_utt0.mp4"
    assert read("meld", meld).left_out == {"surprise": 1}
    (meld / "train_splits" / "dia0_utt0.wav").touch()  # goes before the video that it was taken from
    assert by_id(meld)["meld/train_dia0_utt0"].path.name == "dia0_utt0.wav"


def test_the_recordings_that_the_release_lacks_are_texts_and_without_any_it_is_a_corpus_of_texts(meld, tmp_path):
    with (meld / "dev_sent_emo.csv").open("a", encoding="utf-8") as table:
        table.write(row("Did they tell you anything?", "Phoebe", "neutral", 110, 7))
    silent = by_id(meld)["meld/dev_dia110_utt7"]
    assert (silent.path, silent.text) == (None, "Did they tell you anything?")
    for path in (*meld.rglob("*.mp4"), meld / "dev_sent_emo.csv"):
        path.unlink()
    corpus = read("meld", meld)
    assert all(clip.path is None and clip.text for clip in corpus.clips)
    assert corpus.notes[0] == "meld: dev_sent_emo.csv missing." and "its clips are texts only" in corpus.notes[1]
    with pytest.raises(DataError, match=r"holds no train_sent_emo\.csv"):
        read("meld", meld / TEST)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (f"{TEST}/dia1_utt0.mp4", None, r"1 recordings are missing below .*: meld/test_dia1_utt0"),
        ("train_splits/more/dia0_utt0.mp4", "", "are the same utterance"),
        ("dev_sent_emo.csv", "Utterance,Emotion\nHello,joy\n", "has no column speaker, dialogue_id, utterance_id"),
        ("dev_sent_emo.csv", HEADER + row("Hi", "Ross", "joy", "", 0), r"dev_sent_emo.csv, line 2 has no dialogue"),
    ],
)
def test_what_is_missing_doubled_or_not_the_releases_is_named(meld, name, content, said):
    path = meld / name
    path.parent.mkdir(exist_ok=True)
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=said):
        read("meld", meld)


def put(directory, *names):
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("corpus", "name", "label", "speaker", "gender", "language", "text"),
    [
        ("ravdess", "Actor_17/03-01-04-01-01-02-17.wav", "sad", "17", "M", "en", "Kids are talking by the door"),
        ("ravdess", "02/03-01-03-02-02-01-02.ogg", "happy", "02", "F", "en", "Dogs are sitting by the door"),
        ("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav", "angry", "1001", None, "en", "Don't forget a jacket"),
        ("crema-d", "AudioWAV/1040_ITH_SAD_X.wav", "sad", "1040", None, "en", "I think I have a doctor's appointment"),
        ("crema-d", "1091_IEO_HAP_HI.wav", "happy", "1091", None, "en", "It's eleven o'clock"),
        ("emodb", "wav/03a01Fa.wav", "happy", "03", "M", "de", "Der Lappen liegt auf dem Eisschrank."),
        ("emodb", "08/08b10Tc.flac", "sad", "08", "F", "de", "Die wird auf dem Platz sein, wo wir sie immer hinlegen."),
        ("emodb", "wav/11a02Nd.wav", "neutral", "11", "M", "de", "Das will sie am Mittwoch abgeben."),
        ("nemo", "samples/EB0_neutral_13.wav", "neutral", "EB0", "F", "pl", None),
        ("nemo", "samples/KS0_sadness_7.wav", "sad", "KS0", "M", "pl", None),
        ("ased", "61/n1-06-01-02-61.ogg", "neutral", "61", "M", "am", None),
        ("ased", "E_Sad/S4-04-02-01-29.wav", "sad", "29", "F", "am", None),
        ("tess", "OAF_angry/OAF_back_angry.wav", "angry", "OAF", "F", "en", "Say the word back"),
        ("tess", "OAF_neutral/OA_bite_neutral.wav", "neutral", "OAF", "F", "en", "Say the word bite"),
        ("savee", "AudioData/DC/a01.wav", "angry", "DC", "M", "en", None),
        ("savee", "ALL/JK_sa15.wav", "sad", "JK", "M", "en", None),
    ],
)
def test_a_file_name_says_it_all(tmp_path, corpus, name, label, speaker, gender, language, text):
    put(tmp_path, name)
    (clip,) = read(corpus, tmp_path).clips
    assert (clip.path, clip.corpus, clip.session, clip.split) == (tmp_path / name, corpus, None, None)
    assert (clip.label, clip.speaker, clip.gender, clip.language) == (label, f"{corpus}_{speaker}", gender, language)
    assert clip.text == text


@pytest.mark.parametrize(
    ("corpus", "kept", "others", "left_out"),
    [
        (
            "ravdess",
            "03-01-03-01-01-01-01.wav",
            ["03-01-02-01-01-01-01.wav", "03-02-03-01-01-01-01.wav", "01-01-03-01-01-01-01.wav"],
            {"calm": 1, "song": 1, "sound of a video": 1},
        ),
        ("crema-d", "1001_IEO_NEU_XX.wav", ["1001_IEO_DIS_HI.wav", "1001_IEO_FEA_LO.wav"], {"disgust": 1, "fear": 1}),
        ("emodb", "03a01Wa.wav", ["03a01La.wav", "03a01Ea.wav", "03a01A.wav"], {"boredom": 1, "disgust": 1, "fear": 1}),
        ("nemo", "EB0_anger_1.wav", ["EB0_fear_1.wav", "EB0_surprised_2.wav"], {"fear": 1, "surprised": 1}),
        ("ased", "a5-01-01-01-01.wav", ["f2-01-01-01-01.wav"], {"fearful": 1}),
        ("tess", "OAF_back_sad.wav", ["OAF_back_ps.wav", "OAF_back_disgust.wav"], {"ps": 1, "disgust": 1}),
        ("savee", "DC_sa01.wav", ["DC_su01.wav", "DC_d01.wav", "DC_f01.wav"], {"surprise": 1, "disgust": 1, "fear": 1}),
    ],
)
def test_other_emotions_are_left_out_and_counted(tmp_path, corpus, kept, others, left_out):
    put(tmp_path, kept, *others)
    found = read(corpus, tmp_path)
    assert [clip.path.name for clip in found.clips] == [kept]
    assert found.left_out == left_out


def test_genders_come_from_the_table_of_crema_d_and_sentences_from_that_of_nemo(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_DFA_ANG_XX.wav", "AudioMP3/1001_DFA_ANG_XX.mp3")
    table = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
    (tmp_path / "VideoDemographics.csv").write_text(table + '1002,21,"Female","Caucasian","Not Hispanic"\n')
    expected = {"crema-d_1001": "M", "crema-d_1002": "F"}
    for directory in (tmp_path, tmp_path / "AudioWAV"):
        assert {clip.speaker: clip.gender for clip in read("crema-d", directory).clips} == expected
    put(tmp_path, "samples/EB0_anger_1.wav")
    header = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    row = "EB0_anger_1.wav\tanger\tŻółta łódź.\tżółta łódź\tEB0\tfemale\t25\n"
    (tmp_path / "data.tsv").write_text(header + row, encoding="utf-8")
    assert [clip.text for clip in read("nemo", tmp_path).clips] == ["Żółta łódź."]


def test_hidden_files_are_skipped_and_other_names_and_counts_than_the_published_ones_reported(tmp_path):
    for actor, emotion in product(("DC", "JE", "JK", "KL"), ("a", "h", "n", "sa")):
        count = 30 if emotion == "n" else 15
        put(tmp_path, *(f"{actor}_{emotion}{number:02d}.wav" for number in range(1, count + 1)))
    put(tmp_path, "._DC_a16.wav", ".Trashes/DC_a17.wav")
    whole = read("savee", tmp_path)
    assert (whole.counts, whole.notes) == ({"angry": 60, "happy": 60, "neutral": 120, "sad": 60}, ())
    (tmp_path / "DC_a01.wav").rename(tmp_path / "intro.wav")
    put(tmp_path, "XY/a01.wav")  # of nobody in the corpus
    names, counts = read("savee", tmp_path).notes
    assert "2 recordings are not named like DC_a01.wav" in names and names.endswith("a01.wav, intro.wav.")
    assert "EXPECTED 300 clips" in counts and "FOUND 299 clips (angry 59," in counts


@pytest.mark.parametrize("corpus", ["ravdess", "crema-d", "emodb", "nemo", "ased", "tess", "savee"])
def test_a_folder_without_the_corpus_is_refused_with_an_example_of_its_names(tmp_path, corpus):
    put(tmp_path, "readme.txt", "hello.wav")
    with pytest.raises(DataError, match=rf"{corpus}: .* holds no recording named like .*\.wav.*, only hello\.wav"):
        read(corpus, tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read(corpus, tmp_path / "nowhere")
