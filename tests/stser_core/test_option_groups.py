"""Dataclasses of options, through a real command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer
from typer.testing import CliRunner

from stser_core.option_groups import with_groups


@dataclass(frozen=True)
class Place:
    where: Annotated[str, typer.Option(help="Where it is.")]
    floors: Annotated[int, typer.Option(min=1)] = 2
    tags: Annotated[list[str], typer.Option("--tag")] = field(default_factory=list)


app = typer.Typer()


@app.command()
@with_groups
def visit(guest: Annotated[str, typer.Argument()], place: Place, late: bool = False) -> None:
    """Visit someone."""
    print(guest, place, late)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    return result.output if result.exit_code == 0 else f"{result.exit_code}"


def test_the_fields_are_options() -> None:
    given = said("Ann", "--where", "here", "--tag", "a", "--tag", "b", "--late")
    assert given == "Ann Place(where='here', floors=2, tags=['a', 'b']) True\n"


def test_their_defaults_bounds_and_what_is_required_are_the_options_own() -> None:
    assert said("Ann", "--where", "here") == "Ann Place(where='here', floors=2, tags=[]) False\n"
    assert said("Ann") == "2"
    assert said("Ann", "--where", "here", "--floors", "0") == "2"
