"""What the name of a column at an exit says: `2/entropy` is said through the model's own head, `2/translated/entropy`
through another."""

from typing import NamedTuple

LENS = ""
"""The model's own head, which names leave out."""

TRANSLATED, LOW_RANK = "translated", "low_rank"
"""The head on states that a matrix translates first, and the head of low rank."""


class ExitName(NamedTuple):
    """After which layer, through which head, and what."""

    layer: int
    head: str
    name: str


def exit_name(column: str) -> ExitName:
    """Take the name of a column apart.

    >>> exit_name("12/low_rank/max_probability")
    ExitName(layer=12, head='low_rank', name='max_probability')
    """
    layer, _, rest = column.partition("/")
    head, _, name = rest.rpartition("/")
    return ExitName(int(layer), head, name)


def exit_item(layer: int, head: str = LENS) -> str:
    """The name of an exit.

    >>> exit_item(2), exit_item(2, "translated")
    ('2', '2/translated')
    """
    return f"{layer}/{head}" if head else str(layer)
