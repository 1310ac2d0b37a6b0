"""A model whose states are read after several of its layers, and the stream of them over windows of text."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.model.lego import Lego
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows

States = dict[int, Tensor]
"""Layer → its raw states (rows, d); layer 0 is what the first one is given."""


@dataclass(frozen=True)
class Layered:
    """A model as its exits see it.

    `states(windows, wanted, layers, left_out)` are the raw states of these layers in the wanted rows (windows, length);
    where `left_out` is a layer, that one hands on what it is given. `seen` makes of raw states (rows, d) what the head
    (words, dim) multiplies, (rows, dim) float32: the final norm, and a last coordinate 1 where the head has a bias.
    `multiply_adds` has what each layer costs a token, `width` is d; `own_heads` has layer → head (words, d) of layers
    whose exits have heads of their own, where there are any.
    """

    states: Callable[[Windows, NDArray[np.bool_], Collection[int], int | None], States]
    seen: Callable[[Tensor], Tensor]
    multiply_adds: Sequence[int]
    width: int
    own_heads: Mapping[int, Tensor] | None = None

    @property
    def layers(self) -> int:
        """How many there are."""
        return len(self.multiply_adds)


def layered_lego(model: Lego) -> Layered:
    """A model that was trained here: no norm stands before its head."""

    @torch.no_grad()
    def states(
        windows: Windows, wanted: NDArray[np.bool_], layers: Collection[int], left_out: int | None = None
    ) -> States:
        inputs = torch.tensor(windows.inputs, dtype=torch.int64, device=model.head.device)
        rows, found = torch.from_numpy(wanted).to(inputs.device), model.layer_states(inputs, left_out)
        return {layer: found[layer][rows] for layer in layers}

    costs = [sum(weight.numel() for weight in layer.parameters() if weight.dim() == 2) for layer in model.layers]
    ends = accumulate(model.sizes)
    own = {layer: model.head_of(block).detach() for block, layer in enumerate(ends)} if model.earlier_heads else None
    return Layered(states, lambda raw: raw, costs, model.head.shape[1], own)


def stream(
    windows: Windows,
    model: Layered,
    layers: Collection[int],
    *,
    batch_size: int,
    progress: Progress,
    rows: NDArray[np.int64] | None = None,
    left_out: int | None = None,
) -> Iterator[tuple[States, NDArray[np.int32], NDArray[np.int64]]]:
    """Raw states of the layers, targets (rows,) and row numbers (rows,), `batch_size` windows at a time.

    Rows are those that foretell a token, numbered in the order of the windows; all, or of `rows`, ascending numbers.
    Windows without any are not run.
    """
    wanted = windows.targets != NO_TOKEN
    number = np.cumsum(wanted, dtype=np.int64).reshape(wanted.shape) - 1
    if rows is not None:
        wanted &= np.isin(number, rows)
    for start in range(0, len(windows), batch_size):
        batch = slice(start, start + batch_size)
        own = wanted[batch]
        if own.any():
            yield model.states(windows[batch], own, layers, left_out), windows.targets[batch][own], number[batch][own]
        progress.update(min(start + batch_size, len(windows)))
