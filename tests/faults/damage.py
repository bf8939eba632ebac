"""Damage to a file, as Hypothesis draws it: bits that flipped, pieces that went missing, came twice or are foreign."""

from typing import NamedTuple

from hypothesis import strategies as st

_HEAD = 96
"""A third of all damages lies in so many first bytes, where most formats have what decides everything."""
_TELLING = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\x01\0\0\0", b"\0\0\0\x80")


class Damage(NamedTuple):
    """One damage: its place is taken modulo the file's length; what its kind does not need is not used."""

    kind: str
    place: int
    length: int
    content: bytes

    def inflict(self, data: bytes) -> bytes:
        """The damaged bytes."""
        at = self.place % max(1, len(data))
        before, after = data[:at], data[at:]
        match self.kind:
            case "flip":
                return before + bytes(byte ^ (1 << self.length % 8) for byte in after[:1]) + after[1:]
            case "overwrite":
                return before + self.content + after[len(self.content) :]
            case "insert":
                return before + self.content + after
            case "delete":
                return before + after[self.length :]
            case "repeat":
                return before + after[: self.length] + after
        return before


_anywhere = st.integers(0, 1 << 20).map(lambda number: number * 40_503 % (1 << 20))  # Hypothesis prefers small numbers
_places = st.one_of(st.integers(0, _HEAD), _anywhere, _anywhere)
_contents = st.sampled_from(_TELLING) | st.binary(min_size=1, max_size=8)
_kinds = st.sampled_from(("flip", "flip", "overwrite", "overwrite", "insert", "delete", "repeat", "truncate"))
some_damage = st.lists(st.builds(Damage, _kinds, _places, st.integers(1, 600), _contents), min_size=1, max_size=5)
"""One to five of them."""


def damaged(data: bytes, damages: list[Damage]) -> bytes:
    """What is left of a file."""
    for damage in damages:
        data = damage.inflict(data)
    return data
