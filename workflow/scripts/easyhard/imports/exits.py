"""Exits of activations from elsewhere: states are read from the files where otherwise a model is run."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.activations.layered import Layered, States
from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, exit_batches


def layered_activations(own: OwnActivations, multiply_adds: int, device: torch.device) -> Layered:
    """Activations as exits see them: states have been through the final norm, so `seen` adds the coordinate of a bias
    alone. `multiply_adds` are those of each layer a token, which the files do not tell."""
    coordinates = int(own.head_bias is not None)

    def brought(first: int, end: int) -> Iterator[States]:
        for states in exit_batches(own, first, end):
            yield {layer: torch.from_numpy(values).to(device) for layer, values in zip(own.exits, states, strict=True)}

    def seen(raw: Tensor) -> Tensor:
        return pad(raw.float(), (0, coordinates), value=1.0)

    costs = [multiply_adds] * own.exits[-1]
    return Layered(_not_run, seen, costs, own.hidden.shape[-1], brought=brought)


def _not_run(*_: object) -> States:
    raise InputError("input.kind: activations, of which no model can be run; a model is wanted for this pass")
