"""Settings from JSON: nothing that was written is passed over."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from stser_core.settings import decode


@dataclass(frozen=True)
class Inner:
    size: int = 1


@dataclass(frozen=True)
class Outer:
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    free: dict[str, object] = field(default_factory=dict)


def test_what_is_left_out_keeps_its_default() -> None:
    content = b'{"several": [{"size": 2}, {}], "free": {"anything": {"goes": 1}}}'
    assert decode(content, Outer) == Outer(None, (Inner(2), Inner(1)), {"anything": {"goes": 1}})
    assert decode(b'{"inner": null}', Outer) == Outer()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"iner": null}', "iner"),
        ('{"inner": {"sise": 3}}', r"inner\.sise"),
        ('{"several": [{}, {"sise": 3}]}', r"several\.1\.sise"),
    ],
)
def test_an_unknown_key_is_named_with_its_place(content: str, named: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=f"unknown setting {named}$"):
        decode(content.encode(), Outer)
