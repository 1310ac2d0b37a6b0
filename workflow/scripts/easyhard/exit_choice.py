"""Which layers of a model are its exits."""

from collections.abc import Collection, Mapping, Sequence

from easyhard.errors import InputError

Setting = str | Sequence[int] | Mapping[str, int]


def chosen_exits(setting: Setting, layers: int) -> list[int]:
    """The exits that `model.exits` names of a model of so many layers, rising; the last layer is always one.

    `setting`: all, {every: n} (layers n, 2n, …), or a list of layers. Raises InputError for a single layer, a layer
    that the model does not have, or a list that does not rise.

    >>> chosen_exits({"every": 2}, 5)
    [2, 4, 5]
    """
    if layers < 2:
        raise InputError(f"model.exits: {layers} layer; a model of two layers or more is wanted")
    if isinstance(setting, Mapping):
        found = list(range(setting["every"], layers + 1, setting["every"]))
    else:
        found = list(range(1, layers + 1)) if isinstance(setting, str) else list(setting)
    if found != sorted(set(found)) or (found and not 1 <= found[0] <= found[-1] <= layers):
        raise InputError(f"model.exits: {found}; rising layers from 1 to {layers} are wanted")
    exits = found if found and found[-1] == layers else [*found, layers]
    if len(exits) < 2:
        raise InputError(f"model.exits: {setting} leaves the last of {layers} layers alone; one before it is wanted")
    return exits


def named_exits(setting: Setting, count: int) -> list[int]:
    """The layers that `model.exits` names of `count` exits brought along: all, 1 … count; {every: n}, n, 2n, …; a list.

    Raises InputError for a list of another length, or one that does not rise.

    >>> named_exits({"every": 4}, 3)
    [4, 8, 12]
    """
    if isinstance(setting, Mapping):
        found = [setting["every"] * number for number in range(1, count + 1)]
    else:
        found = list(range(1, count + 1)) if isinstance(setting, str) else list(setting)
    if len(found) != count:
        raise InputError(f"model.exits: {found}, {len(found)} layers; one for each of {count} exits is wanted")
    return chosen_exits(found, found[-1])


def layer_before(layer: int, read: Collection[int]) -> int | None:
    """What a layer's states are compared with: the last of the layers read before it, which is the one before it where
    a model is run, and the exit before where states were brought along; None at the first of these.

    >>> layer_before(8, [4, 8, 12])
    4
    """
    return max((known for known in read if known < layer), default=None)


def read_layers(exits: Sequence[int]) -> list[int]:
    """The layers whose states are read for these exits: each exit, and the layer before it; 0 is the embedding.

    >>> read_layers([2, 4])
    [1, 2, 3, 4]
    """
    return sorted({layer for exit_layer in exits for layer in (exit_layer - 1, exit_layer)})
