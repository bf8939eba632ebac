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


@dataclass(frozen=True)
class Journey:
    place: Place
    days: Annotated[int, typer.Option()] = 1


app, journeys = typer.Typer(), typer.Typer()


@app.command()
@with_groups
def visit(guest: Annotated[str, typer.Argument()], place: Place, late: bool = False) -> None:
    """Visit someone."""
    print(guest, place, late)


@journeys.command()
@with_groups
def travel(journey: Journey) -> None:
    """Travel."""
    print(journey.place.where, journey.days)


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


def test_a_group_may_hold_groups() -> None:
    assert CliRunner().invoke(journeys, ["--where", "there", "--days", "3"]).output == "there 3\n"


def test_the_help_has_them_and_the_command_s_own_sentence() -> None:
    shown = said("--help")
    assert "Visit someone." in shown
    assert "Where it is." in shown
    assert "--floors" in shown
