"""Figures of several seeds as one: their mean, and the interval in which the mean over all seeds may lie."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from easyhard.evaluation.columns import Column
from easyhard.evaluation.correlation import spearman

LEVEL = 0.95
COMMON = 3
"""Ranks of fewer signals than this are not compared."""


class OverSeeds(NamedTuple):
    """Mean over seeds and ends of its interval, (figures,) each; the ends are NaN where there is one seed."""

    mean: Column
    low: Column
    high: Column


def over_seeds(values: ArrayLike) -> OverSeeds:
    """Mean and Student's 95 % interval of each row of `values`, (figures, seeds), at least one seed.

    It holds where a figure's values are independent and near normal from seed to seed; two seeds give a very wide one.
    """
    found = np.asarray(values, dtype=np.float64)
    mean, seeds = found.mean(axis=1), found.shape[1]
    reach = np.full(len(found), np.nan)
    if seeds > 1:
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
