"""What is kept of the logits while one tile of tokens walks over the vocabulary: each class, one kind of figure.

`add(z, number)` takes in the logits (tokens, tile words) of tile `number` and leaves them as they are. They come in
`unit` to the nat: 1, or log2(e) where they are small enough to be exponentiated with exp2 as they are (`safe`).
"""

from dataclasses import replace

import torch
from torch import Tensor

from easyhard.logits.formulas import Gathered
from easyhard.logits.tiles import LOG2_E, LOWEST, TargetColumns, shift_to_peak


class ExponentialSums:
    """total = sum exp(z - c), energy = sum exp(z - c)(z - c), collision = sum exp(z - c)^2, each (tokens,).

    z is `scale` times what comes in. c is 0 when safe. Otherwise it is the largest logit so far, and what was summed
    under a smaller one is rescaled (online softmax).
    """

    def __init__(self, tokens: int, keep: frozenset[str], safe: bool, like: Tensor, scale: float = 1.0) -> None:
        self.keep, self.safe, self.scale = keep, safe, scale
        self.peak = like.new_full((tokens,), 0.0 if safe else LOWEST)
        self.total, self.energy, self.collision = like.new_zeros(3, tokens)

    def add(self, z: Tensor, number: int) -> None:
        if self.scale != 1:
            z = z * self.scale
        if not self.safe:
            z = self._rescale(z)
        self._take(z.exp2(), z)

    def gathered(self) -> Gathered:
        return Gathered(self.peak, self.total, self.energy, self.collision)

    def _take(self, e: Tensor, z: Tensor) -> None:
        """Add up e = exp2(z), both (tokens, tile words); e may be overwritten."""
        self.total.add_(e.sum(1))
        if "collision" in self.keep:
            self.collision.add_(torch.linalg.vector_norm(e, dim=1).square_())  # half a pass less than a sum of squares
        if "energy" in self.keep:
            self.energy.add_(e.mul_(z).sum(1), alpha=1 / LOG2_E)

    def _rescale(self, z: Tensor) -> Tensor:
        z, drop = shift_to_peak(z, self.peak)
        self._lower(drop)
        return z.clamp_(min=LOWEST)  # a word at -inf adds 0 x -1e30, not 0 x -inf

    def _lower(self, drop: Tensor) -> None:
        """Bring the sums to peaks that lie `drop` (tokens,), 0 or negative, below the new ones; log2(e) to the nat."""
        shrink = drop.exp2()
        self.energy.add_(drop * self.total, alpha=1 / LOG2_E).mul_(shrink)
        self.total.mul_(shrink)
        self.collision.mul_(shrink.square())


class ExitSums(ExponentialSums):
    """The same for several exits at once, whose rows alternate, (tokens x exits), and what divergences need beside it.

    crossed[t, a, b] = sum exp(z_a - c_a)(z_b - c_b) over the words, of exits a and b at token t. One product of small
    matrices a token gives all pairs in less time than an energy takes, which is the pair of an exit with itself.
    """

    def __init__(self, tokens: int, exits: int, keep: frozenset[str], safe: bool, like: Tensor) -> None:
        super().__init__(tokens * exits, (keep | {"total"}) - {"energy"}, safe, like)
        self.exits = exits
        self.crossed = like.new_zeros(tokens, exits, exits)

    def gathered(self) -> Gathered:
        return replace(super().gathered(), energy=self.crossed.diagonal(dim1=1, dim2=2).flatten())

    def divergence(self, exit: int, other: int) -> Tensor:
        """KL(p_exit || p_other) in nats (tokens,), 0 or more."""
        crossed, totals = self.crossed[:, exit].double(), self._by_token(self.total).double()
        difference = (crossed[:, exit] - crossed[:, other]) / totals[:, exit]
        return (difference - (totals[:, exit] / totals[:, other]).log()).clamp(min=0).to(self.total.dtype)

    def _take(self, e: Tensor, z: Tensor) -> None:
        self.crossed.add_(torch.bmm(self._by_token(e), self._by_token(z).transpose(1, 2)), alpha=1 / LOG2_E)
        super()._take(e, z)

    def _lower(self, drop: Tensor) -> None:
        drops, totals = self._by_token(drop), self._by_token(self.total)  # (tokens, exits)
        self.crossed.add_(totals[:, :, None] * drops[:, None, :], alpha=1 / LOG2_E).mul_(drops.exp2()[:, :, None])
        super()._lower(drop)

    def _by_token(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, self.exits))


class PlainSums:
    """first = sum z, second = sum z^2, each (tokens,), float64: for logits without a closed form of their mean."""

    def __init__(self, tokens: int, unit: float, like: Tensor) -> None:
        self.unit, self.dtype = unit, like.dtype
        self.first, self.second = like.new_zeros(2, tokens, dtype=torch.float64)

    def add(self, z: Tensor, number: int) -> None:
        self.first.add_(z.sum(1), alpha=1 / self.unit)
        self.second.add_(z.square().sum(1), alpha=1 / self.unit**2)

    def mean_and_spread(self, words: int) -> tuple[Tensor, Tensor]:
        """Mean and population standard deviation (tokens,) over `words` logits."""
        mean = self.first / words
        spread = (self.second / words - mean.square()).clamp(min=0).sqrt()
        return mean.to(self.dtype), spread.to(self.dtype)


class TargetLogit:
    """The target's logit (tokens,), as the tile that holds the target has it."""

    def __init__(self, columns: TargetColumns, unit: float, like: Tensor) -> None:
        self.columns, self.unit = columns, unit
        self.value = like.new_empty(len(columns.rows))

    def add(self, z: Tensor, number: int) -> None:
        rows, inside = self.columns.of(number)
        self.value[rows] = z[rows, inside] / self.unit
