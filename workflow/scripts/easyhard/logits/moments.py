"""First and second moments of a matrix's rows in float64, in an order that no number of threads changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from easyhard.errors import InputError
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
    second = _ordered_sum(lambda tile: rows[tile].double().T @ rows[tile].double(), rows)
    return Moments(len(rows), mean_row(rows), second / len(rows))


def pooled(parts: Iterable[Moments]) -> Moments:
    """Moments of all rows together, from those of batches of them.

    `pooled(moments(batch) for batch in batches)` streams: it holds one batch and two matrices (dim, dim). Raises
    InputError for no batches, or batches of different dim.
    """
    count, first, second = 0, torch.zeros(()), torch.zeros(())
    for part in parts:
        if count and part.mean.shape != first.shape:
            raise InputError(f"parts: dim {len(part.mean)} after dim {len(first)}; one dim for all is wanted")
        count, first, second = count + part.count, first + part.count * part.mean, second + part.count * part.second
    if not count:
        raise InputError("parts: none; the moments of at least one batch are wanted")
    return Moments(count, first / count, second / count)


def mean_row(rows: Tensor) -> Tensor:
    """Mean of rows (count, dim): (dim,) float64."""
    return _ordered_sum(lambda tile: rows[tile].double().sum(0), rows) / len(rows)


def _ordered_sum(function: Callable[[slice], Tensor], rows: Tensor) -> Tensor:
    return torch.stack(list(each(function, spans(len(rows), ROWS), rows.device))).sum(0)
