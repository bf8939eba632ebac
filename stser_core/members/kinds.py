"""From a member's listing to the member: this program's kinds, and those of other packages' entry points.

Another package registers a kind in the group `stser_core.members` (see docs/members.md and
https://packaging.python.org/en/latest/specifications/entry-points/).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from stser_core.errors import CheckpointError, StserError
from stser_core.members.member import Kind, Member, Parts

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.members.listing import Listed

GROUP = "stser_core.members"
ENCODING = "encoding"
HUB = "hub"
PROSODY = "prosody"


def load(listed: Listed, folder: Path) -> Member:
    """Make a member of a checkpoint.

    Args:
        listed: As `config.json` lists it.
        folder: The checkpoint's.

    Raises:
        CheckpointError: No installed package provides its kind, or its settings or tensors do not fit.
    """
    kind = _kind(listed)  # before its tensors are read: a package that is missing is the first thing to know
    return _made(kind, listed, _weights(folder / listed.weights_file), folder)


def load_parts(listed: Listed, weights: Mapping[str, Tensor], folder: Path) -> Member:
    """Make a member whose tensors are there already; see `load`."""
    return _made(_kind(listed), listed, weights, folder)


def _made(kind: Kind, listed: Listed, weights: Mapping[str, Tensor], folder: Path) -> Member:
    parts = Parts(listed.name, listed.settings, weights, folder)
    try:
        member = kind(parts)
    except StserError:
        raise
    except Exception as error:  # another package's code may fail in any way
        raise CheckpointError(f"The checkpoint's member {listed.name!r} cannot be made ({_reason(error)}).") from error
    if member.name != listed.name:
        raise CheckpointError(f"The checkpoint's member {listed.name!r} calls itself {member.name!r}.")
    return member


def _kind(listed: Listed) -> Kind:
    if listed.kind == ENCODING:
        from stser_core.members.encoding import EncodingMember

        return EncodingMember.made_of
    if listed.kind == HUB:
        from stser_core.members.hub import HubMember

        return HubMember.made_of
    if listed.kind == PROSODY:
        from stser_core.members.prosody import ProsodyMember

        return ProsodyMember.made_of
    return _of_another_package(listed)


def _of_another_package(listed: Listed) -> Kind:
    found = tuple(entry_points(group=GROUP, name=listed.kind))
    if not found:
        install = f"install {listed.package}" if listed.package else "install the package that made it"
        raise CheckpointError(
            f"The checkpoint's member {listed.name!r} is of the kind {listed.kind!r}, which no installed package "
            f"provides; {install}, or leave the member out with --classifier."
        )
    if len({entry.value for entry in found}) > 1:
        raise CheckpointError(
            f"Several packages provide the member kind {listed.kind!r}: {', '.join(map(_provider, found))}; keep one."
        )
    try:
        kind: Kind = found[0].load()
    except Exception as error:
        raise CheckpointError(
            f"The member kind {listed.kind!r} of {_provider(found[0])} cannot be loaded ({_reason(error)})."
        ) from error
    return kind


def _provider(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else entry.dist.name


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.exists():
        return {}
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as a member's weights ({error}).") from error
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path} holds values that are no numbers, in {broken[0]}.")
    return weights
