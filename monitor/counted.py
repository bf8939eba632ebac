"""A number with its noun."""


def counted(number: int, noun: str) -> str:
    """`1 turn`, `1,200 turns`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
