"""A ranking's groups in one or many samples at once: the counts from which each metric is read off.

A sample may hold every token once, or each as often as a resample drew its cluster; the metrics do not care.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
"""(groups, samples): a sum over the tokens of each group, hardest group first, in each sample."""


@dataclass(frozen=True)
class Curve:
    """Tokens of each group, and how many come before, (groups, samples) each; `total` is (samples,).

    `reached` counts the tokens from the hardest down to the group's last; `harder` those that are harder than a token
    of the group, half of its own group among them: its mid-rank. `mixed` (groups,) says which groups hold more than one
    score, in an order that is no longer known.
    """

    tokens: Counts
    reached: Counts
    harder: Counts
    total: NDArray[np.float64]
    mixed: NDArray[np.bool_]


def make_curve(tokens: Counts, mixed: NDArray[np.bool_]) -> Curve:
    """Return the curve of samples with so many tokens in each group, (groups, samples), hardest group first."""
    reached = np.cumsum(tokens, axis=0)
    return Curve(tokens, reached, reached - tokens / 2, reached[-1], mixed)


def first_reaching(reached: Counts, wanted: Counts) -> NDArray[np.int64]:
    """Return the first group by which `wanted` tokens are reached, (wanted, samples).

    reached: (groups, samples), ascending; wanted: (wanted, samples), none above the last group's. Bisection, in all
    samples at once.
    """
    low = np.zeros(wanted.shape, dtype=np.int64)
    high = np.full(wanted.shape, len(reached) - 1)
    for _ in range(len(reached).bit_length()):
        middle = (low + high) // 2
        there = np.take_along_axis(reached, middle, axis=0) >= wanted
        low, high = np.where(there, low, np.minimum(middle + 1, high)), np.where(there, middle, high)
    return high


def before(cumulative: Counts, group: NDArray[np.int64]) -> Counts:
    """Return the sum over all groups before `group` (wanted, samples), of `cumulative` (groups, samples)."""
    return np.where(group > 0, np.take_along_axis(cumulative, np.maximum(group - 1, 0), axis=0), 0.0)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return above / below, NaN where below is 0: undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)
