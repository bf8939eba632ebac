"""The MELD reader, on tables and folders as the release has them."""

import pytest

from stser_core.errors import DataError
from stser_core.training.corpora import read

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
TAIL = '4,7,"00:20:57,256","00:21:00,049"\n'


def row(text, speaker, emotion, dialogue, utterance):
    return f'1,"{text}",{speaker},{emotion},neutral,{dialogue},{utterance},{TAIL}'


@pytest.fixture
def meld(tmp_path):
    tables = {
        "train": row("Oh my God, he’s lost it.", "Phoebe", "sadness", 0, 0) + row("What?", "Monica", "surprise", 0, 1),
        "dev": row('""Wanted."" Nice!', "Chandler", "joy", 0, 0),
        "test": row("Get out!", "Ross", "anger", 0, 0) + row("Okay.", "Joey", "neutral", 1, 0),
    }
    for part, rows in tables.items():
        (tmp_path / f"{part}_sent_emo.csv").write_text(HEADER + rows, encoding="utf-8")
    for name in (
        "train_splits/dia0_utt0.mp4",
        "train_splits/dia0_utt1.mp4",
        "dev_splits_complete/dia0_utt0.mp4",
        "output_repeated_splits_test/dia0_utt0.mp4",
        "output_repeated_splits_test/dia1_utt0.mp4",
        "output_repeated_splits_test/._dia1_utt0.mp4",
        "output_repeated_splits_test/final_videos_testdia1_utt0.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_words_speakers_splits_and_recordings_belong_together(meld):
    corpus = read("meld", meld)
    by_id = {clip.id: clip for clip in corpus.clips}
    assert set(by_id) == {"meld/train_dia0_utt0", "meld/dev_dia0_utt0", "meld/test_dia0_utt0", "meld/test_dia1_utt0"}
    first = by_id["meld/train_dia0_utt0"]
    assert (first.label, first.speaker, first.split) == ("sad", "meld_Phoebe", "train")
    assert first.text == "Oh my God, he’s lost it."
    assert first.path == meld / "train_splits" / "dia0_utt0.mp4"
    second = by_id["meld/dev_dia0_utt0"]
    assert (second.label, second.split, second.text) == ("happy", "validation", '"Wanted." Nice!')
    assert by_id["meld/test_dia0_utt0"].path == meld / "output_repeated_splits_test" / "dia0_utt0.mp4"
    assert corpus.left_out == {"surprise": 1}


def test_a_sound_file_goes_before_the_video_it_was_taken_from(meld):
    (meld / "train_splits" / "dia0_utt0.wav").touch()
    by_id = {clip.id: clip.path.name for clip in read("meld", meld).clips}
    assert by_id["meld/train_dia0_utt0"] == "dia0_utt0.wav"


def test_without_recordings_it_is_a_corpus_of_texts_and_says_so(meld):
    for path in (*meld.rglob("*.mp4"), meld / "dev_sent_emo.csv"):
        path.unlink()
    corpus = read("meld", meld)
    assert all(clip.path is None and clip.text for clip in corpus.clips)
    assert corpus.notes[0] == "meld: dev_sent_emo.csv missing." and "its clips are texts only" in corpus.notes[1]


def test_the_two_recordings_that_the_release_lacks_are_texts(meld):
    with (meld / "dev_sent_emo.csv").open("a", encoding="utf-8") as table:
        table.write(row("Did they tell you anything?", "Phoebe", "neutral", 110, 7))
    by_id = {clip.id: clip for clip in read("meld", meld).clips}
    assert by_id["meld/dev_dia110_utt7"].path is None
    assert by_id["meld/dev_dia110_utt7"].text == "Did they tell you anything?"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("output_repeated_splits_test/dia1_utt0.mp4", None, r"1 recordings are missing below .*: meld/test_dia1_utt0"),
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


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no train_sent_emo\.csv"):
        read("meld", tmp_path)
