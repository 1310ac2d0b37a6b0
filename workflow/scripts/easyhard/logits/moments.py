"""First and second moments of a matrix's rows in float64, in an order that no number of threads changes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from easyhard.logits.tiles import each, spans

ROWS = 8192


@dataclass(frozen=True)
class Moments:
    """Over `count` rows x of length dim: mean (dim,) and second, the mean of x x^T (dim, dim); float64."""

    count: int
    mean: Tensor
    second: Tensor

    @property
    def covariance(self) -> Tensor:
        """(dim, dim), population."""
        return self.second - self.mean[:, None] * self.mean[None, :]


def moments(rows: Tensor) -> Moments:
    """Moments of rows (count, dim); holds 8,192 rows in float64 at a time."""

    def one_tile(tile: slice) -> tuple[Tensor, Tensor]:
        x = rows[tile].to(torch.float64)
        return x.sum(0), x.T @ x

    tiles = list(each(one_tile, spans(len(rows), ROWS), rows.device))
    total = torch.stack([first for first, _ in tiles]).sum(0)
    products = torch.stack([second for _, second in tiles]).sum(0)
    return Moments(len(rows), total / len(rows), products / len(rows))
