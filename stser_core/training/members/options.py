"""From the options of `stser-train … --member` to which member is wanted, and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stser_core.errors import UsageError
from stser_core.training.members.encoders import HUB, PROSODY, WHISPER
from stser_core.training.members.settings import MemberRecipe

_MEMBER = "--member"


@dataclass(frozen=True)
class Wanted:
    """Which member is asked for.

    Attributes:
        kind: `whisper`, `encoder` or `prosody`.
        encoder: A Hub id or folder, or Whisper's folder; empty where there is none.
        name: What the checkpoint will call it.
    """

    kind: str
    encoder: str
    name: str


def wanted_of(member: str, whisper: Path | None, name: str | None = None, option: str = _MEMBER) -> Wanted:
    """Read `--member` (or another option of its kind), `--whisper` and `--member-name`.

    Args:
        member: `whisper`, `prosody`, or `encoder:` and a Hub id or folder; no teacher is `prosody`.
        whisper: Whisper's folder.
        name: Instead of `whisper`, `prosody` or `encoder`.
        option: Which option it was.

    Raises:
        UsageError: They do not fit together.
    """
    if whisper is not None and member != WHISPER:
        raise UsageError(f"--whisper goes with {option} whisper, not with {option} {member}.")
    kind, _, encoder = member.partition(":")
    if kind == HUB and encoder:
        return Wanted(HUB, encoder, name or HUB)
    if member == PROSODY and option == _MEMBER:
        return Wanted(PROSODY, "", name or PROSODY)
    if member != WHISPER:
        there = f"{WHISPER}, {PROSODY}" if option == _MEMBER else WHISPER
        raise UsageError(f"{option} {member}: there are {there} and {HUB}:HUB-ID (or {HUB}:FOLDER).")
    if whisper is None:
        raise UsageError(f"{option} whisper needs Whisper's folder: --whisper DIR.")
    return Wanted(WHISPER, str(whisper), name or WHISPER)


def member_recipe(file: Path | None, given: Mapping[str, Any], others: Mapping[str, object]) -> MemberRecipe:
    """The recipe that the options make.

    Args:
        file: A recipe to start from.
        given: Fields of `HeadRecipe` that options set.
        others: Options that were given and concern the model alone.

    Raises:
        UsageError: There are such options, or a value does not fit.
        DataError: The recipe cannot be read.
    """
    if others:
        raise UsageError(f"--{next(iter(others)).replace('_', '-')} does not go with --member.")
    recipe = MemberRecipe() if file is None else MemberRecipe.read(file)
    return replace(recipe, training=replace(recipe.training, **given))
