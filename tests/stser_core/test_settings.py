"""Settings from JSON: nothing that was written is passed over, and every number is within its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import pytest

from stser_core.errors import UsageError
from stser_core.settings import Bounds, Count, Proportion, bounded, decode


@dataclass(frozen=True)
@bounded("inner")
class Inner:
    size: Count = 1
    pair: Annotated[tuple[float, float] | None, Bounds(0, 5, above=True)] = None
    named: Annotated[dict[str, float], Bounds(0, 1)] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.size == 13:
            raise UsageError("Not 13.")


@dataclass(frozen=True)
class Outer:
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    free: dict[str, object] = field(default_factory=dict)
    proportion: Proportion = 0.5


def test_what_is_left_out_keeps_its_default() -> None:
    content = b'{"several": [{"size": 2}, {}], "free": {"anything": {"goes": 1}}}'
    assert decode(content, Outer) == Outer(None, (Inner(2), Inner(1)), {"anything": {"goes": 1}})
    assert decode(b'{"inner": null}', Outer) == Outer()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"iner": null}', "unknown setting iner$"),
        ('{"inner": {"sise": 3}}', r"unknown setting inner\.sise$"),
        ('{"several": [{}, {"sise": 3}]}', r"unknown setting several\.1\.sise$"),
        ('{"inner": {"size": 0}}', r"inner\.size must be 1 or more; it is 0$"),
        ('{"inner": {"pair": [1, 0]}}', r"inner\.pair must be above 0, at most 5; it is 0$"),
        ('{"inner": {"named": {"a": 0.5, "b": 2}}}', r"inner\.named\.b must be 0 or more, at most 1; it is 2$"),
        ('{"inner": {"size": 13}}', "Not 13$"),
        ("{", "."),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(content: str, said: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=said):
        decode(content.encode(), Outer)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_what_is_not_a_proportion_of_anything_is_refused(number: float) -> None:
    with pytest.raises(UsageError):
        Inner(named={"a": number})
