"""The paired cluster bootstrap: one set of resamples for all signals, and what their figures' spread says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Resamples:
    """How often each resample holds each cluster, `weights` (clusters, resamples), all columns of one sum.

    `seed_draws` (resamples,), uniform in 0 … 1, says which of its seeds a trained signal has in each resample.
    """

    weights: NDArray[np.float32]
    seed_draws: Column


@dataclass(frozen=True)
class Estimate:
    """A figure on the test rows, `value`, and the same figure on each resample, `replicates` (resamples,)."""

    value: float
    replicates: Column


def draw_resamples(clusters: int, resamples: int, seed: int) -> Resamples:
    """Draw clusters with replacement, one fewer than there are, `resamples` times, and the seeds to go with them.

    One fewer, because as many as there are would spread by the root of (clusters − 1) / clusters too little: Rao & Wu,
    1988, doi:10.1080/01621459.1988.10478591. Raises InputError when there are fewer than two clusters or resamples.
    """
    for name, count in (("clusters", clusters), ("resamples", resamples)):
        if count < 2:
            raise InputError(f"{name}: {count}; two at least are wanted for an interval")
    random = np.random.default_rng(seed)
    weights = random.multinomial(clusters - 1, np.full(clusters, 1 / clusters), size=resamples)
    return Resamples(np.ascontiguousarray(weights.T, dtype=np.float32), random.random(resamples))


def combine_seeds(seeds: Sequence[Estimate], resamples: Resamples) -> Estimate:
    """Return the estimate of a signal that was trained with several seeds: its mean, and a drawn seed in each resample.

    So the spread between seeds widens the interval as the spread between clusters does.
    """
    drawn = (resamples.seed_draws * len(seeds)).astype(np.int64)
    replicates = np.stack([estimate.replicates for estimate in seeds])
    value = sum(estimate.value for estimate in seeds) / len(seeds)
    return Estimate(value, replicates[drawn, np.arange(len(drawn))])


def difference(left: Estimate, right: Estimate) -> Estimate:
    """Return left − right, paired: both on the same resamples."""
    return Estimate(left.value - right.value, left.replicates - right.replicates)


def standard_error(estimate: Estimate) -> float:
    """Return the standard deviation of the replicates; NaN when the figure is undefined on any resample.

    A label that is in so few clusters that a resample can miss it has no interval that deserves trust.
    """
    return float(np.std(estimate.replicates, ddof=1))


def interval(estimate: Estimate, clusters: int) -> tuple[float, float]:
    """Return the 95 % interval: value ± t · standard error, with clusters − 1 degrees of freedom; NaN if undefined."""
    half = float(t.ppf((1 + CONFIDENCE) / 2, clusters - 1)) * standard_error(estimate)
    return estimate.value - half, estimate.value + half


def p_value(estimate: Estimate, null: float, clusters: int) -> float:
    """Return the two-sided p of the value being `null`, from t with clusters − 1 degrees of freedom; NaN if undefined.

    A figure without any spread that is equal to `null` has p = 1.
    """
    distance, error = abs(estimate.value - null), standard_error(estimate)
    if distance == 0 and error == 0:
        return 1.0
    with np.errstate(divide="ignore"):
        return float(2 * t.sf(np.divide(distance, error), clusters - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the family that they form, in their order; NaN stays NaN and is not counted.

    The k-th smallest of m becomes the largest so far of (m − k + 1) · p, at most 1. Holm, 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = [i for i in np.argsort(p, kind="stable") if not np.isnan(p[i])]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return [float(value) for value in adjusted]
