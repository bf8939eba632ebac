"""Readers of corpora whose file names say everything, on names as the releases have them."""

import pytest

from stser_core.errors import DataError, UsageError
from stser_core.training.corpora import READERS, read
from stser_core.training.options import Corpora

NAMED = ("ravdess", "crema-d", "emodb", "nemo", "ased", "tess", "savee")


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
        ("emodb", "08/08b03Tc.flac", "sad", "08", "F", "de", None),
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
    if text is not None:
        assert clip.text == text
    assert (clip.text is None) == (corpus in {"nemo", "ased", "savee"})


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


def test_genders_come_from_the_table_of_crema_d(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_DFA_ANG_XX.wav", "AudioMP3/1001_DFA_ANG_XX.mp3")
    table = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
    (tmp_path / "VideoDemographics.csv").write_text(table + '1002,21,"Female","Caucasian","Not Hispanic"\n')
    expected = {"crema-d_1001": "M", "crema-d_1002": "F"}
    for directory in (tmp_path, tmp_path / "AudioWAV"):
        assert {clip.speaker: clip.gender for clip in read("crema-d", directory).clips} == expected


def test_sentences_come_from_the_table_of_nemo(tmp_path):
    put(tmp_path, "samples/EB0_anger_1.wav")
    header = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    row = "EB0_anger_1.wav\tanger\tŻółta łódź.\tżółta łódź\tEB0\tfemale\t25\n"
    (tmp_path / "data.tsv").write_text(header + row, encoding="utf-8")
    assert [clip.text for clip in read("nemo", tmp_path).clips] == ["Żółta łódź."]


def test_hidden_files_are_skipped_and_other_names_and_counts_than_the_published_ones_reported(tmp_path):
    sentences = {"a": 15, "h": 15, "n": 30, "sa": 15}
    for actor in ("DC", "JE", "JK", "KL"):
        for emotion, count in sentences.items():
            put(tmp_path, *(f"{actor}_{emotion}{number:02d}.wav" for number in range(1, count + 1)))
    put(tmp_path, "._DC_a16.wav", ".Trashes/DC_a17.wav")
    whole = read("savee", tmp_path)
    assert whole.counts == {"angry": 60, "happy": 60, "neutral": 120, "sad": 60}
    assert whole.notes == ()
    (tmp_path / "DC_a01.wav").rename(tmp_path / "intro.wav")
    put(tmp_path, "XY/a01.wav")  # of nobody in the corpus
    names, counts = read("savee", tmp_path).notes
    assert "2 recordings are not named like DC_a01.wav" in names and names.endswith("a01.wav, intro.wav.")
    assert "EXPECTED 300 clips" in counts and "FOUND 299 clips (angry 59," in counts


@pytest.mark.parametrize("corpus", NAMED)
def test_a_folder_without_the_corpus_is_refused_with_an_example_of_its_names(tmp_path, corpus):
    put(tmp_path, "readme.txt", "hello.wav")
    with pytest.raises(DataError, match=rf"{corpus}: .* holds no recording named like .*\.wav.*, only hello\.wav"):
        read(corpus, tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read(corpus, tmp_path / "nowhere")


def test_a_copy_of_a_clip_and_an_unknown_corpus_are_named(tmp_path):
    put(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "copy/Actor_01/03-01-01-01-01-01-01.wav")
    with pytest.raises(DataError, match=r"1 clip given more than once, ravdess/03-01-01-01-01-01-01 first"):
        Corpora(["ravdess"], [tmp_path]).clips()
    with pytest.raises(UsageError, match="Unknown corpus 'emocap'; choose from iemocap, ravdess"):
        read("emocap", tmp_path)
    assert set(NAMED) < set(READERS)
