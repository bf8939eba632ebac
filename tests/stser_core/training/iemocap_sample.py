"""A small tree in IEMOCAP's exact format, made of tones: to try the protocol before the licence arrives.

    python tests/stser_core/training/iemocap_sample.py DIRECTORY --turns 40 --seed 0

IEMOCAP is given out on a signed form, which takes days. This tree has the release's folders, file names, rating
files and transcription files, with the oddities that trip readers up: turns without a majority, ties, other
emotions, turns that nobody rated, lines without a turn's name, raters' sub-folders, and the hidden files that
macOS left behind. Each emotion has its own pitch and its own words, so that a model has something to learn; what
it learns says nothing about speech.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from making import SAMPLE_RATE, write_wav
from numpy.typing import NDArray

from stser_core.emotions import LABELS, merge

_CODES = (
    *("ang", "hap", "exc", "neu", "sad", "xxx", "fru", "ang", "neu", "sad", "exc", "sur"),
    *("xxx", "fea", "dis", "oth"),
)
"""The codes of successive turns before they are shuffled: the four labels often, every other one sometimes."""

_SESSIONS = (1, 2, 3, 4, 5)
_DIALOGUES = ("F_impro01", "F_impro05a", "F_script01_1", "F_script01_1b", "M_impro04", "M_impro08b", "M_script03_2")
_CATEGORIES = {
    **{"ang": "Anger", "hap": "Happiness", "exc": "Excited", "neu": "Neutral", "sad": "Sadness"},
    **{"fru": "Frustration", "sur": "Surprise", "fea": "Fear", "dis": "Disgust", "oth": "Other"},
}
_SENTENCES: Mapping[str, Sequence[str]] = {
    "ang": ("That is a complete outrage.", "Stop it, I hate this!", "How dare you say that?"),
    "hap": ("Oh, this is wonderful.", "I love it, thank you!", "[LAUGHTER] That is great news."),
    "exc": ("Yes! We won, I can't believe it!", "This is amazing, I love it!", "Wonderful, let's celebrate!"),
    "neu": ("Do you have your forms?", "The office is on the second floor.", "It opens at nine."),
    "sad": ("I miss her so much.", "[SIGH] There is nothing left.", "I just feel alone."),
}
_OTHER_SENTENCES = ("Excuse me.", "Well, I don't know.", "[BREATHING] What do you mean?", "All right, then.")
_TONES = {"angry": (420.0, 0.8), "happy": (330.0, 0.5), "neutral": (210.0, 0.3), "sad": (140.0, 0.15)}
"""Pitch in hertz and peak amplitude of each label's recordings."""
_OTHER_TONE = (260.0, 0.3)


@dataclass(frozen=True)
class Sample:
    """Contents of a tree.

    Attributes:
        turns: Rated turns of all emotions.
        counts: Turns of each of the four labels, in the order of `LABELS`.
        left_out: Turns of each other code.
    """

    turns: int
    counts: Mapping[str, int]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class _Turn:
    name: str
    gender: str
    code: str
    start_s: float
    end_s: float
    text: str


def tone(code: str, gender: str, rng: random.Random) -> NDArray[np.int16]:
    """A tone with overtones and a little noise, 0.6 to 1.2 s, whose pitch and level depend on the emotion."""
    pitch, level = _TONES.get(merge(code) or "", _OTHER_TONE)
    pitch *= rng.uniform(0.94, 1.06) * (1.25 if gender == "F" else 1.0)
    count = int(rng.uniform(0.6, 1.2) * SAMPLE_RATE)
    phase = 2 * np.pi * pitch * np.arange(count) / SAMPLE_RATE
    wavering = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(3, 6) * np.arange(count) / SAMPLE_RATE)
    overtones = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6))
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.02, count)
    samples = level * wavering * overtones / 3 + noise
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def make_tree(directory: Path, turns: int = 40, seed: int = 0) -> Sample:
    """Write a tree in the release's format.

    Args:
        directory: Where `Session1` to `Session5` go; made if it is not there.
        turns: Rated turns of each session, at least 14, so that each dialogue has one of each speaker.
        seed: The same seed writes the same files.
    """
    rng = random.Random(seed)
    codes: Counter[str] = Counter()
    for number in _SESSIONS:
        session = directory / f"Session{number}"
        for name, dialogue in _dialogues(number, turns, rng).items():
            codes.update(turn.code for turn in dialogue)
            _write_ratings(session / "dialog" / "EmoEvaluation", name, dialogue, rng)
            _write_transcription(session / "dialog" / "transcriptions", name, dialogue)
            for turn in dialogue:
                write_wav(session / "sentences" / "wav" / name / f"{turn.name}.wav", tone(turn.code, turn.gender, rng))
    counts = Counter(merge(code) for code in codes.elements())
    left_out = {code: count for code, count in sorted(codes.items()) if merge(code) is None}
    return Sample(codes.total(), {label: counts[label] for label in LABELS}, left_out)


def _dialogues(number: int, turns: int, rng: random.Random) -> dict[str, list[_Turn]]:
    """The dialogues of one session, each with turns of both speakers, whatever its own letter."""
    codes = {gender: _shuffled_codes(turns - turns // 2, rng) for gender in "FM"}
    names = [f"Ses{number:02d}{dialogue}" for dialogue in _DIALOGUES]
    dialogues: dict[str, list[_Turn]] = {name: [] for name in names}
    for turn in range(turns):
        gender = "FM"[turn % 2]
        name = names[(turn // 2) % len(names)]
        dialogues[name].append(_turn(name, gender, codes[gender][turn // 2], dialogues[name], rng))
    return dialogues


def _shuffled_codes(count: int, rng: random.Random) -> list[str]:
    codes = [_CODES[index % len(_CODES)] for index in range(count)]
    rng.shuffle(codes)
    return codes


def _turn(dialogue: str, gender: str, code: str, earlier: Sequence[_Turn], rng: random.Random) -> _Turn:
    number = sum(turn.gender == gender for turn in earlier)
    start_s = (earlier[-1].end_s if earlier else 6.0) + rng.uniform(0.1, 0.9)
    text = rng.choice(_SENTENCES.get(code, _OTHER_SENTENCES))
    return _Turn(f"{dialogue}_{gender}{number:03d}", gender, code, start_s, start_s + rng.uniform(0.6, 1.2), text)


def _write_ratings(folder: Path, dialogue: str, turns: Sequence[_Turn], rng: random.Random) -> None:
    blocks = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
    blocks += [_rating(turn, rng) for turn in turns]
    _write(folder / f"{dialogue}.txt", "\n".join(blocks))
    _write_apple_double(folder, dialogue)
    categories = [f"{turn.name} :{_CATEGORIES.get(turn.code, 'Other')};  ()" for turn in turns]
    _write(folder / "Categorical" / f"{dialogue}_e2_cat.txt", "\n".join(categories) + "\n")
    attributes = [f"{turn.name} :act  3; :val  3; :dom  3; ()" for turn in turns]
    _write(folder / "Attribute" / f"{dialogue}_e3_atr.txt", "\n".join(attributes) + "\n")
    _write(folder / "Self-evaluation" / f"{dialogue}_f1_cat.txt", "\n".join(categories) + "\n")


def _rating(turn: _Turn, rng: random.Random) -> str:
    """A turn's summary line and its raters' own; without a majority each rater names another emotion."""
    if turn.code == "xxx":
        votes = rng.sample(sorted(_CATEGORIES.values()), 3)
    else:
        votes = [_CATEGORIES[turn.code], _CATEGORIES[turn.code], rng.choice(sorted(_CATEGORIES.values()))]
    votes[-1] += f"; {rng.choice(('Frustration', 'Neutral'))}" if rng.random() < 0.2 else ""
    actor = f"{turn.gender}1"
    return "\n".join(
        [
            f"[{turn.start_s:.4f} - {turn.end_s:.4f}]\t{turn.name}\t{turn.code}\t[2.5000, 3.0000, 2.5000]",
            *(f"C-E{rater}:\t{vote};\t()" for rater, vote in enumerate(votes, start=2)),
            f"C-{actor}:\t{votes[0]};\t(curious)",
            "A-E3:\tval 3; act 2; dom  2;\t()",
            "A-E4:\tval 2; act 4; dom  3;\t(mildly aggravated but staying polite, attitude)",
            f"A-{actor}:\tval 3; act 2; dom  1;\t()\n",
        ]
    )


def _write_transcription(folder: Path, dialogue: str, turns: Sequence[_Turn]) -> None:
    lines = [f"{turn.name} [{turn.start_s:08.4f}-{turn.end_s:08.4f}]: {turn.text}" for turn in turns]
    end_s = turns[-1].end_s
    unrated = [
        f"{dialogue}_{gender}XX0 [{end_s:08.4f}-{end_s + 1:08.4f}]: [LAUGHTER] That's what they say." for gender in "FM"
    ]
    _write(folder / f"{dialogue}.txt", "\n".join([*lines, *unrated, "M: Mm-hmm.", "F: [BREATHING]"]) + "\n")
    _write_apple_double(folder, dialogue)


def _write_apple_double(folder: Path, dialogue: str) -> None:
    """The start of a file as macOS writes it beside the real one on foreign disks."""
    (folder / f"._{dialogue}.txt").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \xff\xfe[")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Write a tree and say what is in it."""
    parser = argparse.ArgumentParser(description="Write a small tree in IEMOCAP's format, made of tones.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--turns", type=int, default=40, help="rated turns of each session (14 or more)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sample = make_tree(arguments.directory, arguments.turns, arguments.seed)
    counts = ", ".join(f"{label} {count}" for label, count in sample.counts.items())
    print(f"{sample.turns} turns in {arguments.directory}: {counts}, others {sum(sample.left_out.values())}")


if __name__ == "__main__":
    main()
