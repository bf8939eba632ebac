"""The questions that the documents show, asked of an archive whose answers are known."""

import re
from pathlib import Path

import pytest

from monitor.archive.scoring import Finished, Scored
from monitor.flow import Transcript, Word

duckdb = pytest.importorskip("duckdb")

ROOT = Path(__file__).parents[3]
CALLS = {
    # name: when each turn of the customer starts, how long it is, how it sounds, and what is said
    "2026-09-30_0.wav": [(1, 60, "angry", "I want a refund")],
    "2026-10-01_1.wav": [(1, 9, "neutral", "hello"), (50, 11, "angry", "where is my refund")],
    "2026-10-02_2.wav": [(1, 20, "angry", "no"), (22, 20, "neutral", "yes")],
    "2026-10-31_3.wav": [(1, 5, "sad", "never mind")],
    "2026-10-31_4.wav": [(10, 9, "neutral", "hello"), (31, 3, "angry", "what"), (66, 2, "happy", "at last")],
}
ANSWERS = [
    ["2026-10-02_2.wav", "2026-10-01_1.wav", "2026-10-31_4.wav"],
    ["2026-10-01_1.wav"],
    ["2026-09-30_0.wav", "2026-10-01_1.wav"],
    ["2026-09", "2026-10"],
    ["2026-10-01_1.wav"],
]


@pytest.fixture
def archived(archive_of, tmp_path, turn, surely, monkeypatch):
    """The calls above, with a short turn of an agent who is not scored."""

    def scored(name, said):
        turns = [
            turn(
                recording=name,
                turn=number,
                start_s=float(start_s),
                end_s=float(start_s + length_s),
                scores=surely(emotion),
                transcript=Transcript((Word(words, start_s, start_s + 1, 0.9),)),
            )
            for number, (start_s, length_s, emotion, words) in enumerate(said, start=1)
        ]
        agent = turn(recording=name, turn=9, channel=2, speaker="agent", start_s=0.0, end_s=0.9, scores=None)
        return Scored(Finished(name, 1, 0, 70.0, 70.0), (*turns, agent))

    archive_of(*(scored(name, said) for name, said in CALLS.items()))
    monkeypatch.chdir(tmp_path)


def test_each_question_has_its_answer(archived):
    questions = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/archives.md").read_text(encoding="utf-8"), re.DOTALL)

    assert [[row[0] for row in duckdb.sql(question).fetchall()] for question in questions] == ANSWERS
