"""A small tree in IEMOCAP's exact format, made of tones: to try the protocol before the licence arrives.

    python tests/stser_core/training/iemocap_sample.py DIRECTORY --turns 40 --seed 0

IEMOCAP is given out on a signed form, which takes days. This tree has the release's folders and files, with the
oddities that trip readers up: turns without a majority, other emotions, turns that nobody rated, lines without a turn's
name, raters' sub-folders, and the hidden files that macOS left behind. Each emotion has its own pitch and its own
words, so that a model has something to learn; what it learns says nothing about speech.
"""

import argparse
import random
from collections import Counter, namedtuple
from pathlib import Path

import numpy as np
from making import SAMPLE_RATE, write_wav

from stser_core.emotions import LABELS
from stser_core.training.corpora.reading import merge

CODES = ("ang", "hap", "exc", "neu", "sad", "xxx", "fru", "ang", "neu", "sad", "exc", "sur", "xxx", "fea", "dis", "oth")
"""The codes of successive turns before they are shuffled: the four labels often, every other one sometimes."""

DIALOGUES = ("F_impro01", "F_impro05a", "F_script01_1", "F_script01_1b", "M_impro04", "M_impro08b", "M_script03_2")
CATEGORIES = {
    **{"ang": "Anger", "hap": "Happiness", "exc": "Excited", "neu": "Neutral", "sad": "Sadness"},
    **{"fru": "Frustration", "sur": "Surprise", "fea": "Fear", "dis": "Disgust", "oth": "Other"},
}
SENTENCES = {
    "ang": ("That is a complete outrage.", "Stop it, I hate this!", "How dare you say that?"),
    "hap": ("Oh, this is wonderful.", "I love it, thank you!", "[LAUGHTER] That is great news."),
    "exc": ("Yes! We won, I can't believe it!", "This is amazing, I love it!", "Wonderful, let's celebrate!"),
    "neu": ("Do you have your forms?", "The office is on the second floor.", "It opens at nine."),
    "sad": ("I miss her so much.", "[SIGH] There is nothing left.", "I just feel alone."),
}
OTHER_SENTENCES = ("Excuse me.", "Well, I don't know.", "[BREATHING] What do you mean?", "All right, then.")
TONES = {"angry": (420.0, 0.8), "happy": (330.0, 0.5), "neutral": (210.0, 0.3), "sad": (140.0, 0.15)}
"""Pitch in hertz and peak amplitude of each label's recordings."""


Sample = namedtuple("Sample", "turns counts left_out")
"""Contents of a tree: rated turns, those of each of the four labels, and those of each other code."""

Turn = namedtuple("Turn", "name gender code start_s end_s text")


def tone(code: str, gender: str, rng: random.Random) -> np.ndarray:
    """A tone with overtones and a little noise, 0.6 to 1.2 s, whose pitch and level depend on the emotion."""
    pitch, level = TONES.get(merge(code) or "", (260.0, 0.3))
    pitch *= rng.uniform(0.94, 1.06) * (1.25 if gender == "F" else 1.0)
    count = int(rng.uniform(0.6, 1.2) * SAMPLE_RATE)
    phase = 2 * np.pi * pitch * np.arange(count) / SAMPLE_RATE
    wavering = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(3, 6) * np.arange(count) / SAMPLE_RATE)
    overtones = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6))
    return level * wavering * overtones / 3 + np.random.default_rng(rng.getrandbits(32)).normal(0, 0.02, count)


def make_tree(directory: Path, turns: int = 40, seed: int = 0) -> Sample:
    """Write a tree in the release's format, of at least 14 turns, so that each dialogue has one of each speaker."""
    rng = random.Random(seed)
    codes: Counter[str] = Counter()
    for number in range(1, 6):
        session = directory / f"Session{number}"
        for name, dialogue in dialogues(number, turns, rng).items():
            codes.update(turn.code for turn in dialogue)
            write_ratings(session / "dialog" / "EmoEvaluation", name, dialogue, rng)
            write_transcription(session / "dialog" / "transcriptions", name, dialogue)
            for turn in dialogue:
                write_wav(session / "sentences" / "wav" / name / f"{turn.name}.wav", tone(turn.code, turn.gender, rng))
    counts = Counter(merge(code) for code in codes.elements())
    left_out = {code: count for code, count in codes.items() if merge(code) is None}
    return Sample(codes.total(), {label: counts[label] for label in LABELS}, left_out)


def dialogues(number: int, turns: int, rng: random.Random) -> dict[str, list[Turn]]:
    """The dialogues of one session, each with turns of both speakers, whatever its own letter."""
    names = [f"Ses{number:02d}{dialogue}" for dialogue in DIALOGUES]
    made: dict[str, list[Turn]] = {name: [] for name in names}
    codes = {gender: [CODES[place % len(CODES)] for place in range(turns - turns // 2)] for gender in "FM"}
    for some in codes.values():
        rng.shuffle(some)
    for place in range(turns):
        gender, name = "FM"[place % 2], names[(place // 2) % len(names)]
        code, earlier = codes[gender][place // 2], made[name]
        start_s = (earlier[-1].end_s if earlier else 6.0) + rng.uniform(0.1, 0.9)
        text = rng.choice(SENTENCES.get(code, OTHER_SENTENCES))
        turn = f"{name}_{gender}{sum(one.gender == gender for one in earlier):03d}"
        earlier.append(Turn(turn, gender, code, start_s, start_s + rng.uniform(0.6, 1.2), text))
    return made


def write_ratings(folder: Path, dialogue: str, turns: list[Turn], rng: random.Random) -> None:
    """Each turn's summary line, then its raters' own; without a majority each rater names another emotion."""
    blocks = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
    for turn in turns:
        votes = [CATEGORIES.get(turn.code, "")] * 2 + [rng.choice(sorted(CATEGORIES.values()))]
        if turn.code == "xxx":
            votes = rng.sample(sorted(CATEGORIES.values()), 3)
        blocks += [
            f"[{turn.start_s:.4f} - {turn.end_s:.4f}]\t{turn.name}\t{turn.code}\t[2.5000, 3.0000, 2.5000]",
            *(f"C-E{rater}:\t{vote};\t()" for rater, vote in enumerate(votes, start=2)),
            f"C-{turn.gender}1:\t{votes[0]};\t(curious)",
            "A-E4:\tval 2; act 4; dom  3;\t(mildly aggravated but staying polite, attitude)\n",
        ]
    write(folder / f"{dialogue}.txt", "\n".join(blocks))
    categories = [f"{turn.name} :{CATEGORIES.get(turn.code, 'Other')};  ()" for turn in turns]
    write(folder / "Categorical" / f"{dialogue}_e2_cat.txt", "\n".join(categories) + "\n")


def write_transcription(folder: Path, dialogue: str, turns: list[Turn]) -> None:
    lines = [f"{turn.name} [{turn.start_s:08.4f}-{turn.end_s:08.4f}]: {turn.text}" for turn in turns]
    end_s = turns[-1].end_s
    unrated = [f"{dialogue}_{one}XX0 [{end_s:08.4f}-{end_s + 1:08.4f}]: That's what they say." for one in "FM"]
    write(folder / f"{dialogue}.txt", "\n".join([*lines, *unrated, "M: Mm-hmm.", "F: [BREATHING]"]) + "\n")


def write(path: Path, text: str) -> None:
    """Write a text, and beside it the start of a file as macOS leaves it on foreign disks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \xff\xfe[")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a small tree in IEMOCAP's format, made of tones.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--turns", type=int, default=40, help="rated turns of each session (14 or more)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sample = make_tree(arguments.directory, arguments.turns, arguments.seed)
    counts = ", ".join(f"{label} {count}" for label, count in sample.counts.items())
    print(f"{sample.turns} turns in {arguments.directory}: {counts}, others {sum(sample.left_out.values())}")
