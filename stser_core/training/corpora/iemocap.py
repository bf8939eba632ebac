"""IEMOCAP: five sessions of two actors each (Busso et al. 2008, https://doi.org/10.1007/s10579-008-9076-6).

The release's own tree is read, `IEMOCAP_full_release/Session1` to `Session5`, each with

    dialog/EmoEvaluation/Ses01F_impro01.txt            the raters' majority for each turn (not its sub-folders)
    dialog/transcriptions/Ses01F_impro01.txt           what was said, by hand
    sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav

Four emotions are kept, with excited merged into happy, as in the paper: 5,531 turns. The speaker is in the turn's
suffix (`_F000`): the letter in `Ses01F` only says who wore the motion-capture markers, and both speak in every
dialogue. Turns without a majority (`xxx`) are left out like other emotions.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from stser_core.errors import DataError
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.reading import assemble, labelled, read_lines, require_folder, some

_NAME = "iemocap"
_PUBLISHED = {"angry": 1103, "happy": 1636, "neutral": 1708, "sad": 1084}
_SESSIONS = (1, 2, 3, 4, 5)
_CODES = frozenset({"ang", "hap", "exc", "sad", "neu", "fru", "fea", "sur", "dis", "oth", "xxx"})
_RATING = re.compile(r"\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+(?P<turn>\S+)\s+(?P<code>\w+)\s+\[[^\]]*\]\s*")
_TURN = re.compile(r"(?P<dialogue>Ses(?P<session>\d\d)[FM]_\w+)_(?P<gender>[FM])\w{3}")
_SPOKEN = re.compile(r"(?P<turn>Ses\d\d[FM]_\w+_[FM]\w{3})\s*\[[^\]]*\]:\s?(?P<text>.*)")


def read(directory: Path) -> Corpus:
    """Read IEMOCAP with its hand-made transcripts."""
    require_folder(_NAME, directory)
    sessions = _sessions(directory)
    missing = [f"Session{number}" for number in _SESSIONS if number not in sessions]
    notes = [f"{_NAME}: {', '.join(missing)} missing."] if missing else []
    clips, left_out = labelled(clip for number, folder in sessions.items() for clip in _rated(folder, number))
    if wordless := [clip.id for clip in clips if clip.text is None]:
        notes.append(f"{_NAME}: {len(wordless):,} rated turns have no line in the transcriptions: {some(wordless)}.")
    return assemble(_NAME, directory, clips, left_out, notes, _PUBLISHED)


def _sessions(directory: Path) -> dict[int, Path]:
    for root in (directory, directory / "IEMOCAP_full_release"):
        found = {number: root / f"Session{number}" for number in _SESSIONS if (root / f"Session{number}").is_dir()}
        if found:
            return found
    raise DataError(f"{_NAME}: {directory} holds no Session1 to Session5; give the folder IEMOCAP_full_release.")


def _lines(folder: Path) -> Iterator[tuple[str, str]]:
    """Each line of each text file in a folder (not below it), with its place for messages."""
    if not folder.is_dir():
        raise DataError(f"{_NAME}: {folder} is missing; copy the whole session.")
    for path in sorted(folder.glob("*.txt")):
        if path.is_file() and not path.name.startswith("."):
            for number, line in enumerate(read_lines(path), start=1):
                yield f"{path}, line {number}", line


def _rated(session: Path, number: int) -> Iterator[Clip]:
    """The rated turns of a session, of the summary lines; the raters' own do not start with a bracket."""
    texts, seen = _transcriptions(session), dict[str, str]()
    for place, line in _lines(session / "dialog" / "EmoEvaluation"):
        if not line.startswith("["):
            continue
        match = _RATING.fullmatch(line)
        if match is None or match["code"] not in _CODES:
            raise DataError(f"{_NAME}: {place} is not a turn's rating: {line.strip()!r}; replace the file.")
        name, code = match["turn"], match["code"]
        turn = _TURN.fullmatch(name)
        if turn is None or int(turn["session"]) != number:
            raise DataError(f"{_NAME}: {place} rates {name}, which is not a turn of {session.name}.")
        if name in seen:
            raise DataError(f"{_NAME}: {name} is rated twice ({seen[name]}; {place}).")
        seen[name] = place
        yield Clip(
            id=f"{_NAME}/{name}",
            path=session / "sentences" / "wav" / turn["dialogue"] / f"{name}.wav",
            text=texts.get(name),
            label="no majority" if code == "xxx" else code,
            speaker=f"Ses{turn['session']}_{turn['gender']}",
            session=f"Ses{turn['session']}",
            language="en",
            corpus=_NAME,
            gender=turn["gender"],
        )


def _transcriptions(session: Path) -> dict[str, str]:
    """Words by turn; lines without a turn's name (`M: …`) belong to no recording."""
    found: dict[str, str] = {}
    for place, line in _lines(session / "dialog" / "transcriptions"):
        if match := _SPOKEN.fullmatch(line.strip()):
            text = match["text"].strip()
            if found.setdefault(match["turn"], text) != text:
                raise DataError(f"{_NAME}: {place} gives {match['turn']} other words than an earlier line.")
    return found
