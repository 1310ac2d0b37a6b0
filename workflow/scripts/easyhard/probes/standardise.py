"""What a probe reads of a token: columns of any float type, brought to mean 0 and deviation 1 as they are read."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from easyhard.logits.tiles import spans

BLOCK = 8_192  # rows in memory at a time as float64
# A spread below this share of the largest value is rounding of float32, not information.
LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each column, (width,) float32. A constant column has the deviation 1."""

    mean: Tensor
    deviation: Tensor


@dataclass(frozen=True)
class Inputs:
    """Groups of columns side by side, each (tokens, its width) of any float type, and the moments that scale them."""

    groups: Sequence[Tensor]
    moments: Moments

    def at(self, rows: Tensor) -> Tensor:
        """Return the standardised columns of `rows` and a last column of ones: (len(rows), width + 1) float32."""
        x = self.moments.mean.new_ones(len(rows), len(self.moments.mean) + 1)
        torch.sub(_side_by_side(self.groups, rows), self.moments.mean, out=x[:, :-1])
        x[:, :-1] /= self.moments.deviation
        return x


def moments(groups: Sequence[Tensor], rows: Tensor) -> Moments:
    """Return mean and population standard deviation of every column over `rows` (int64 indices), in blocks of float64.

    groups: tensors (tokens, columns) of any float types on one device. Sums are of differences from the first row, so
    that a large common value costs no digits.
    """
    origin = _side_by_side(groups, rows[:1]).double()
    total, squares = torch.zeros_like(origin[0]), torch.zeros_like(origin[0])
    for block in spans(len(rows), BLOCK):
        difference = _side_by_side(groups, rows[block]).double() - origin
        total += difference.sum(0)
        squares += difference.square().sum(0)
    shift = total / len(rows)
    mean = origin[0] + shift
    deviation = (squares / len(rows) - shift.square()).clamp_(min=0).sqrt_()
    varies = deviation > LEAST_SPREAD * mean.abs()
    return Moments(mean.float(), torch.where(varies, deviation, 1.0).float())


def _side_by_side(groups: Sequence[Tensor], rows: Tensor) -> Tensor:
    gathered = [group.index_select(0, rows) for group in groups]
    return gathered[0] if len(gathered) == 1 else torch.cat(gathered, 1)
