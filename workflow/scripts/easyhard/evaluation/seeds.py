"""Figures of several seeds as one: their mean, and the interval in which the mean over all seeds may lie."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from easyhard.errors import InputError
from easyhard.evaluation.correlation import spearman

LEVEL = 0.95
COMMON = 3
"""Ranks of fewer signals than this are not compared."""

Column = NDArray[np.float64]


@dataclass(frozen=True)
class OverSeeds:
    """Mean over seeds and ends of its interval, (figures,) each; the ends are NaN where there is one seed."""

    mean: Column
    low: Column
    high: Column


def over_seeds(values: ArrayLike) -> OverSeeds:
    """Mean and Student's 95 % interval of each row of `values`, (figures, seeds).

    It holds where a figure's values are independent and near normal from seed to seed; two seeds give a very wide one.
    Raises InputError when there is no seed.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] == 0:
        raise InputError(f"seeds: figures of shape {found.shape}; (figures, seeds) with at least one seed are wanted")
    seeds = found.shape[1]
    mean = found.mean(axis=1)
    if seeds == 1:
        unknown = np.full(len(found), np.nan)
        return OverSeeds(mean, unknown, unknown)
    reach = t.ppf((1 + LEVEL) / 2, seeds - 1) * found.std(axis=1, ddof=1) / np.sqrt(seeds)
    return OverSeeds(mean, mean - reach, mean + reach)


def rank_agreement(one: dict[str, float], other: dict[str, float]) -> tuple[float, int]:
    """Spearman's correlation of the two scores over the signals that both have, and how many these are.

    It is NaN where they are fewer than COMMON.
    """
    common = [name for name in one if name in other]
    if len(common) < COMMON:
        return float("nan"), len(common)
    return spearman(np.array([one[name] for name in common]), np.array([other[name] for name in common])), len(common)
