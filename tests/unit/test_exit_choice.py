"""Which layers are exits."""

import pytest

from easyhard.errors import InputError
from easyhard.exit_choice import chosen_exits, read_layers


@pytest.mark.parametrize(
    ("setting", "layers", "wanted"),
    [
        ("all", 3, [1, 2, 3]),
        ({"every": 2}, 6, [2, 4, 6]),
        ({"every": 2}, 7, [2, 4, 6, 7]),
        ([1, 3], 5, [1, 3, 5]),
        ([2, 4], 4, [2, 4]),
    ],
)
def test_the_last_layer_is_always_an_exit(
    setting: str | list[int] | dict[str, int], layers: int, wanted: list[int]
) -> None:
    assert chosen_exits(setting, layers) == wanted


@pytest.mark.parametrize(
    ("setting", "layers", "said"),
    [
        ("all", 1, "1 layer; a model of two layers or more"),
        ([3, 2], 4, r"\[3, 2\]; rising layers from 1 to 4"),
        ([2, 2], 4, "rising layers"),
        ([0, 2], 4, "rising layers"),
        ([2, 5], 4, r"\[2, 5\]; rising layers from 1 to 4"),
        ({"every": 4}, 4, "leaves the last of 4 layers alone"),
        ({"every": 9}, 4, "leaves the last of 4 layers alone"),
        ([4], 4, "leaves the last of 4 layers alone"),
    ],
)
def test_what_is_no_choice_of_exits_is_named(setting: list[int] | dict[str, int], layers: int, said: str) -> None:
    with pytest.raises(InputError, match=f"model.exits: .*{said}|model.exits: {said}"):
        chosen_exits(setting, layers)


def test_each_exit_is_read_with_the_layer_before_it() -> None:
    assert read_layers([1, 2, 4]) == [0, 1, 2, 3, 4]
    assert read_layers([3, 6]) == [2, 3, 5, 6]
