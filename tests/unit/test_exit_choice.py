"""Which layers are exits."""

import pytest

from easyhard.errors import InputError
from easyhard.exit_choice import chosen_exits, layer_before, named_exits, read_layers


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


def test_exits_brought_along_are_named_one_by_one() -> None:
    assert named_exits("all", 3) == [1, 2, 3]
    assert named_exits({"every": 4}, 3) == [4, 8, 12]
    assert named_exits([2, 3, 9], 3) == [2, 3, 9]
    for setting, said in (([2, 3], "one for each of 3"), ([3, 2, 9], "rising layers"), ([2, 9, 3], "rising layers")):
        with pytest.raises(InputError, match=f"model.exits: .*{said}"):
            named_exits(setting, 3)


def test_states_are_compared_with_the_last_that_were_read_before() -> None:
    assert [layer_before(layer, [0, 1, 3, 4]) for layer in (1, 4)] == [0, 3]
    assert [layer_before(layer, [4, 8, 12]) for layer in (4, 12)] == [None, 8]


def test_each_exit_is_read_with_the_layer_before_it() -> None:
    assert read_layers([1, 2, 4]) == [0, 1, 2, 3, 4]
    assert read_layers([3, 6]) == [2, 3, 5, 6]
