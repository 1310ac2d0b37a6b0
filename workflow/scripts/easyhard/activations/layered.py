"""A model whose states are read after several of its layers, where tokens may leave, and windows of text for it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.exit_choice import read_layers
from easyhard.model.lego import Leave, Lego, leave_out
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows

States = dict[int, Tensor]
"""Layer → its raw states (rows, d); layer 0 is what the first one is given."""
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Decide = Callable[[int, Tensor, Tensor, Rows], Mask]
"""An exit's number, 0 for the first; of the rows that have come to it, raw states (rows, d) before and after its layer,
and their numbers among the wanted rows; to which of them leave, (rows,)."""


@dataclass(frozen=True)
class Layered:
    """A model as its exits see it.

    `states(windows, wanted, layers, left_out)` are the raw states of these layers in the wanted rows (windows, length);
    where `left_out` is a layer, that one hands on what it is given. `seen` makes of raw states (rows, d) what the head
    (words, dim) multiplies, (rows, dim) float32: the final norm, and a last coordinate 1 where the head has a bias.
    `visit(windows, leave)` is one pass in which every layer hands on what `leave` says. `multiply_adds` has what each
    layer costs a token, beside `attention` for every token that it attends to, itself among them; `keys_values` what a
    layer that it skips still costs, because later tokens read what it makes of its state. `width` is d; `own_heads` has
    layer → head (words, d) of layers whose exits have heads of their own, where there are any. `brought(first, end)`
    streams the states of rows first … end − 1 at the exits that another program has written; no model is run then.
    """

    states: Callable[[Windows, Mask, Collection[int], int | None], States]
    visit: Callable[[Windows, Leave], None]
    seen: Callable[[Tensor], Tensor]
    multiply_adds: Sequence[int]
    keys_values: Sequence[int]
    attention: Sequence[int]
    width: int
    own_heads: Mapping[int, Tensor] | None = None
    brought: Callable[[int, int], Iterator[States]] | None = None

    @property
    def layers(self) -> int:
        """How many there are."""
        return len(self.multiply_adds)

    def read_for(self, exits: Sequence[int]) -> list[int]:
        """The layers whose states are read for these exits."""
        return list(exits) if self.brought else read_layers(exits)

    @torch.no_grad()
    def states_with_leaving(
        self, windows: Windows, wanted: Mask, exits: Sequence[int], decide: Decide
    ) -> tuple[Tensor, Rows]:
        """Final raw states (rows, d) of the wanted rows (windows, length), and the layer that each left after, (rows,).

        One causal pass, as true as one token after another: a row that has left keeps its state, of which later layers
        make its keys and values (CALM's state copying, arXiv:2207.07061). exits: rising, the last layer among them;
        `decide` is asked at each but the last, as long as a row is there. Rows that are not wanted never leave.
        """
        held = _HeldBack(wanted, exits, decide)
        self.visit(windows, held)
        return held.final, held.exit


def layered_lego(model: Lego) -> Layered:
    """A model that was trained here: no norm stands before its head."""

    @torch.no_grad()
    def states(windows: Windows, wanted: Mask, layers: Collection[int], left_out: int | None = None) -> States:
        found, rows = run(windows, leave_out(left_out)), torch.from_numpy(wanted).to(model.head.device)
        return {layer: found[layer][rows] for layer in layers}

    def run(windows: Windows, leave: Leave) -> list[Tensor]:
        return model.layer_states(torch.tensor(windows.inputs, dtype=torch.int64, device=model.head.device), leave)

    def visit(windows: Windows, leave: Leave) -> None:
        run(windows, leave)

    dim, count = model.head.shape[1], len(model.layers)
    costs = [sum(weight.numel() for weight in layer.parameters() if weight.dim() == 2) for layer in model.layers]
    ends = accumulate(model.sizes)
    own = {layer: model.head_of(block).detach() for block, layer in enumerate(ends)} if model.earlier_heads else None
    return Layered(states, visit, lambda raw: raw, costs, [2 * dim * dim] * count, [2 * dim] * count, dim, own)


def batches(
    windows: Windows, *, batch_size: int, progress: Progress, rows: Rows | None = None
) -> Iterator[tuple[Windows, Mask, Rows]]:
    """`batch_size` windows at a time, which of their rows are wanted (windows, length), and these rows' numbers.

    Rows are those that foretell a token, numbered in the order of the windows; all, or of `rows`, ascending numbers.
    Windows without any are left out.
    """
    wanted = windows.targets != NO_TOKEN
    number = np.cumsum(wanted, dtype=np.int64).reshape(wanted.shape) - 1
    if rows is not None:
        wanted &= np.isin(number, rows)
    for start in range(0, len(windows), batch_size):
        batch = slice(start, start + batch_size)
        own = wanted[batch]
        if own.any():
            yield windows[batch], own, number[batch][own]
        progress.update(min(start + batch_size, len(windows)))


class _HeldBack:
    """What layers hand on of wanted rows (windows, length) that have left at one of the exits and of those that have
    not; `exit` is where each row left, or the last one, `final` (rows, d) what the last layer has handed on."""

    def __init__(self, wanted: Mask, exits: Sequence[int], decide: Decide) -> None:
        self.places, self.left = np.flatnonzero(wanted), np.zeros(wanted.shape, dtype=bool)
        self.inside = np.arange(len(self.places))
        self.exits, self.decide, self.exit = list(exits), decide, np.full(len(self.places), exits[-1])

    def __call__(self, number: int, given: Tensor, made: Tensor) -> Tensor:
        if len(self.inside) < len(self.places):
            made = torch.where(torch.from_numpy(self.left).to(made.device)[..., None], given, made)
        if number in self.exits[:-1] and len(self.inside):
            places = self.places[self.inside]
            leaves = self.decide(self.exits.index(number), _at(places, given), _at(places, made), self.inside)
            self.left.flat[places[leaves]], self.exit[self.inside[leaves]] = True, number
            self.inside = self.inside[~leaves]
        if number == self.exits[-1]:
            self.final = _at(self.places, made)
        return made


def _at(places: Rows, states: Tensor) -> Tensor:
    """The states (windows, length, d) at flat places, (rows, d)."""
    return states.flatten(0, 1)[torch.from_numpy(places).to(states.device)]
