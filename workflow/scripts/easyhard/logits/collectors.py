"""What is kept of the logits while one tile of tokens walks over the vocabulary: each class, one kind of figure.

`add(z, number)` takes in the logits (tokens, tile words) of tile `number` and leaves them as they are. They come in
`unit` to the nat: 1, or log2(e) where they are small enough to be exponentiated with exp2 as they are (`safe`).
"""

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
        e = z.exp2()
        self.total.add_(e.sum(1))
        if "collision" in self.keep:
            self.collision.add_(torch.linalg.vector_norm(e, dim=1).square_())  # half a pass less than a sum of squares
        if "energy" in self.keep:
            self.energy.add_(e.mul_(z).sum(1), alpha=1 / LOG2_E)

    def gathered(self) -> Gathered:
        return Gathered(self.peak, self.total, self.energy, self.collision)

    def _rescale(self, z: Tensor) -> Tensor:
        z, drop = shift_to_peak(z, self.peak)
        shrink = drop.exp2()
        self.energy.add_(drop * self.total, alpha=1 / LOG2_E).mul_(shrink)
        self.total.mul_(shrink)
        self.collision.mul_(shrink.square())
        return z.clamp_(min=LOWEST)  # a word at -inf adds 0 x -1e30, not 0 x -inf


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
