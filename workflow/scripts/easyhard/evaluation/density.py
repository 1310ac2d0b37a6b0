"""The shape of a loss distribution: a kernel density and its modes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks
from scipy.stats import gaussian_kde

from easyhard.evaluation.columns import Column

GRID_POINTS = 512
SMALLEST_PROMINENCE = 0.05


@dataclass(frozen=True)
class Density:
    """A density over the loss: `grid` (points,) in nats and `values` (points,) per nat.

    `modes` (modes,) are the positions of its modes in nats, ascending; `borders` (modes − 1,) the lowest points
    between neighbours, which part the losses into one basin a mode. `bandwidth` is the kernel's, in nats.
    """

    grid: Column
    values: Column
    modes: Column
    borders: Column
    bandwidth: float


def loss_density(loss: Column) -> Density:
    """Estimate the density of losses (tokens,), not all equal, from 0 to the largest, and its modes.

    Gaussian kernel, Scott's bandwidth std · tokens^(−1/5), mirrored at 0 because no loss lies below. A mode is a local
    maximum whose prominence is at least 5 % of the highest density; smaller ones are taken for noise.
    """
    kernel = gaussian_kde(loss, bw_method="scott")
    grid = np.linspace(0.0, loss.max(), GRID_POINTS)
    values = kernel(grid) + kernel(-grid)
    # a density that is highest at 0 has a mode there, which a zero before it lets us see
    found, _ = find_peaks(np.concatenate([[0.0], values, [0.0]]), prominence=SMALLEST_PROMINENCE * values.max())
    peaks = [int(peak) - 1 for peak in found]
    lowest = [left + int(values[left:right].argmin()) for left, right in pairwise(peaks)]
    return Density(grid, values, grid[peaks], grid[lowest], kernel.factor * loss.std(ddof=1))
