"""Targets drawn from the model's own distribution, without a (tokens, words) array: what a calibrated model would meet.

One pass over the vocabulary keeps the mass of each tile of words; a draw then picks its tile, whose logits are computed
again, and a word inside. Beside the pass a draw costs one tile: 1,024 of the words on the CPU.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from easyhard.errors import InputError
from easyhard.logits.arguments import check_states, logit_bound
from easyhard.logits.softcap import capped, check_softcap
from easyhard.logits.tiles import LOG2_E, compute_dtype, each, product, spans, tile_shape

BELOW_ONE = 1 - 2**-52  # times any float64 it stays below that number, so a draw ends before the last word's end
BLOCK = 4  # numbers that one count of Philox gives


def draw_targets(
    hidden: Tensor, head: Tensor, *, draws: int, seed: int, first_row: int = 0, softcap: float | None = None
) -> tuple[Tensor, Tensor]:
    """Per token, `draws` words (tokens, draws) int64 and their losses (tokens, draws), nats, as this code gives them.

        z = hidden @ head.T                                              # (tokens, words)
        z = softcap * tanh(z / softcap)                                  # where a softcap is given
        p = softmax(z)
        words = torch.multinomial(p, draws, replacement=True)
        losses = -p.gather(1, words).log()

    hidden (tokens, dim) and head (words, dim) share one float type; losses are float32 (float64 for float64). Every row
    has its own random numbers (Philox keyed by `seed`, counted by row), first_row being the number of hidden's first
    one: rows may come in any batches, on any number of threads, and get the same draws, but where a number falls on
    the very edge between two words and logits are rounded otherwise. Raises InputError naming the wrong argument.
    """
    check_states(hidden, head)
    logit_bound(hidden, head)  # raises where they are not finite
    for name, number, lowest in (("draws", draws, 1), ("seed", seed, 0), ("first_row", first_row, 0)):
        if number < lowest:
            raise InputError(f"{name}: {number}; a whole number from {lowest} up is wanted")
    check_softcap(softcap)
    chances = _uniforms(len(hidden), draws, seed, first_row).to(hidden.device)
    tiles = spans(len(hidden), tile_shape(hidden.device).tokens)
    parts = list(each(lambda t: _one_tile(hidden[t].contiguous(), head, chances[t], softcap), tiles, hidden.device))
    return torch.cat([words for words, _ in parts]), torch.cat([losses for _, losses in parts])


def _uniforms(rows: int, draws: int, seed: int, first_row: int) -> Tensor:
    """Numbers (rows, draws) float64 in [0, 1): row r has blocks r b … (r + 1) b - 1, b = ceil(draws / 4)."""
    blocks = -(-draws // BLOCK)
    philox = np.random.Philox(key=seed)
    philox.advance(first_row * blocks)
    return torch.from_numpy(np.random.Generator(philox).random((rows, blocks * BLOCK))[:, :draws].copy())


def _one_tile(hidden: Tensor, head: Tensor, chances: Tensor, softcap: float | None) -> tuple[Tensor, Tensor]:
    """Draws and their losses for hidden (tokens, dim), by inversion of the chances (tokens, draws)."""
    states = hidden.to(compute_dtype(hidden.dtype))
    cuts = spans(len(head), tile_shape(hidden.device).words)

    def logits(states: Tensor, cut: slice) -> Tensor:
        return capped(product(states, head[cut].to(states.dtype)), softcap)

    masses = torch.stack([_log_mass(logits(states, cut)) for cut in cuts], 1)  # (tokens, cuts)
    log_total = masses.logsumexp(1, keepdim=True)
    ends = (masses - log_total).exp().cumsum(1)
    number, inside = _invert(ends, chances)

    words, losses = torch.empty_like(number), torch.empty_like(chances)
    for index in number.unique().tolist():
        cut = cuts[index]
        rows, columns = (number == index).nonzero(as_tuple=True)
        for part in spans(len(rows), len(hidden)):
            row, column = rows[part], columns[part]
            z = logits(states[row], cut).double()
            picked, _ = _invert((z - z.amax(1, keepdim=True)).exp().cumsum(1), inside[row, column, None])
            words[row, column] = cut.start + picked[:, 0]
            losses[row, column] = log_total[row, 0] - z.gather(1, picked)[:, 0]
    return words, losses.clamp(min=0).to(states.dtype)  # one logit, computed twice, may differ in its last bit


def _log_mass(z: Tensor) -> Tensor:
    """log sum exp z over a tile of words: (tokens,) float64."""
    peak = z.amax(1, keepdim=True)
    return z.sub_(peak).mul_(LOG2_E).exp2_().sum(1).double().log() + peak[:, 0]  # exp2 takes a quarter of exp's time


def _invert(ends: Tensor, chances: Tensor) -> tuple[Tensor, Tensor]:
    """The part in which each chance falls, and how far inside it, 0..1: (tokens, n) each.

    ends (tokens, parts) float64 are cumulative masses up to any total; a part without mass is never hit.
    """
    aim = chances.clamp(max=BELOW_ONE) * ends[:, -1:]
    part = torch.searchsorted(ends, aim, right=True)
    start, end = pad(ends, (1, 0)).gather(1, part), ends.gather(1, part)
    return part, (aim - start) / (end - start)
