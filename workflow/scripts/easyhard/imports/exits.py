"""Exits of activations from elsewhere: states are read from the files where otherwise a model is run."""

from collections.abc import Iterator
from typing import NoReturn

import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.activations.layered import Layered, States
from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, exit_batches


def layered_activations(own: OwnActivations, multiply_adds: int, device: torch.device) -> Layered:
    """Activations as exits see them: states have been through the final norm, so `seen` adds the coordinate of a bias
    alone. `multiply_adds` are those of each layer a token, which the files do not tell; keys and values are taken to be
    as wide as states, and attention to earlier tokens to cost nothing beside."""
    coordinates = int(own.head_bias is not None)

    def brought(first: int, end: int) -> Iterator[States]:
        for states in exit_batches(own, first, end):
            yield {layer: torch.from_numpy(values).to(device) for layer, values in zip(own.exits, states, strict=True)}

    def seen(raw: Tensor) -> Tensor:
        return pad(raw.float(), (0, coordinates), value=1.0)

    layers, width = own.exits[-1], own.hidden.shape[-1]
    costs, keys_values, attention = [multiply_adds] * layers, [2 * width**2] * layers, [0] * layers
    return Layered(_not_run, _not_run, seen, costs, keys_values, attention, width, brought=brought)


def _not_run(*_: object) -> NoReturn:
    raise InputError("input.kind: activations, of which no model can be run; a model is wanted for this pass")
