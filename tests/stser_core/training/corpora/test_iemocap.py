"""The IEMOCAP reader, on a tree in the release's own format whose contents are known."""

import shutil

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


def test_every_turn_with_one_of_the_four_emotions_is_read(made, tmp_path):
    directory, sample = made
    (tmp_path / "IEMOCAP_full_release").symlink_to(directory)
    for folder in (directory, tmp_path):
        corpus = read("iemocap", folder)
        assert corpus.counts == sample.counts
        assert len(corpus.clips) + sum(sample.left_out.values()) == sample.turns == 5 * 28
        assert {"xxx" if code == "no majority" else code: n for code, n in corpus.left_out.items()} == sample.left_out
    assert "EXPECTED 5,531 clips (angry 1,103, happy 1,636, neutral 1,708, sad 1,084), FOUND" in corpus.notes[0]


def test_both_speakers_of_every_dialogue_keep_their_own_name_whoever_wore_the_markers(made):
    corpus = read("iemocap", made[0])
    assert {clip.speaker for clip in corpus.clips} == {f"Ses0{n}_{gender}" for n in range(1, 6) for gender in "FM"}
    for clip in corpus.clips:
        turn = clip.id.removeprefix("iemocap/")
        assert clip.path.is_file() and clip.text
        assert (clip.path.stem, clip.path.parent.name) == (turn, turn.rsplit("_", 1)[0])
        assert clip.speaker == f"{turn[:5]}_{turn.rsplit('_', 1)[1][0]}"
        assert clip.speaker.endswith(clip.gender)
        assert clip.session == turn[:5]
    in_dialogue_of_a_woman = {clip.gender for clip in corpus.clips if clip.id.startswith("iemocap/Ses01F_script")}
    assert in_dialogue_of_a_woman == {"F", "M"}


def test_excited_counts_as_happy_and_scripts_and_variants_are_read(tree):
    ratings = tree / "Session2" / "dialog" / "EmoEvaluation" / "Ses02F_impro05a.txt"
    ratings.write_text(RATING.format(turn="Ses02F_impro05a_F000", code="exc"))
    by_id = {clip.id: clip for clip in read("iemocap", tree).clips}
    assert by_id["iemocap/Ses02F_impro05a_F000"].label == "happy"
    assert any("_script01_1b_" in clip_id for clip_id in by_id)


@pytest.mark.parametrize(
    ("lost", "complaint"),
    [
        ("dialog/EmoEvaluation", "Session1/dialog/EmoEvaluation is missing"),
        ("dialog/transcriptions", "Session1/dialog/transcriptions is missing"),
        ("sentences/wav/Ses01F_script01_1", r"recordings of .* are missing: .*/Ses01F_script01_1_\w+\.wav"),
    ],
)
def test_half_a_session_names_the_part_that_is_missing(tree, lost, complaint):
    shutil.rmtree(tree / "Session1" / lost)
    with pytest.raises(DataError, match=complaint):
        read("iemocap", tree)


def test_a_turn_without_a_transcription_is_kept_without_words_and_a_missing_session_is_named(tree):
    shutil.rmtree(tree / "Session4")
    clip = read("iemocap", tree).clips[0]
    dialogue = tree / "Session1" / "dialog" / "transcriptions" / f"{clip.path.parent.name}.txt"
    lines = [line for line in dialogue.read_text().splitlines() if not line.startswith(clip.path.stem)]
    dialogue.write_text("\n".join(lines))
    corpus = read("iemocap", tree)
    assert corpus.clips[0].id == clip.id
    assert corpus.clips[0].text is None
    assert corpus.notes[0] == "iemocap: Session4 missing."
    assert f"1 rated turns have no line in the transcriptions: {clip.id}." in corpus.notes[1]
    clip.path.unlink()
    with pytest.raises(DataError, match=f"1 recordings of .* are missing: .*{clip.path.name}"):
        read("iemocap", tree)


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


def test_a_folder_without_sessions_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no Session1 to Session5"):
        read("iemocap", tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read("iemocap", tmp_path / "nowhere")
