"""Options that several commands share: a dataclass of them is one argument of each command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a Typer command take dataclasses of options.

    Typer reads a command's options from its signature. Here every parameter whose type is a dataclass is replaced by
    that dataclass's fields (which may be such dataclasses): their annotations are the options, their defaults the
    options'. No two groups of a command may share a name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hints[name] for name in signature(command).parameters if is_dataclass(hints[name])}
    flat: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        if name in groups:
            flat += _options(groups[name])
        else:
            flat.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name]))

    @wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 (options are of many types)
        for name, group in groups.items():
            given[name] = _made(group, given)
        command(**given)

    called.__signature__ = Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in flat}
    return called


def _options(group: type[Any]) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    found: list[Parameter] = []
    for one in fields(group):
        if _is_group(inner := hints[one.name]):
            found += _options(inner)
        else:
            found.append(Parameter(one.name, Parameter.KEYWORD_ONLY, default=_default(one), annotation=inner))
    return found


def _made(group: type[Any], given: dict[str, Any]) -> object:
    """A group of the values that its fields have in `given`, from which they are taken."""
    hints = get_type_hints(group)
    inner = {one.name: hints[one.name] for one in fields(group)}
    return group(**{name: _made(of, given) if _is_group(of) else given.pop(name) for name, of in inner.items()})


def _is_group(hint: Any) -> bool:  # noqa: ANN401
    return isinstance(hint, type) and is_dataclass(hint)


def _default(field: Field[Any]) -> object:
    if field.default is not MISSING:
        return field.default
    return Parameter.empty if field.default_factory is MISSING else field.default_factory()
