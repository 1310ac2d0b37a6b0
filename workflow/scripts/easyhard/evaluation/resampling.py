"""The paired cluster bootstrap: one set of resamples for all signals, and what their figures' spread says.

Whole documents are drawn, because tokens of one document are not independent; sequences where there are few documents.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column
from easyhard.evaluation.rows import Row

CONFIDENCE: Final = 0.95
FEWEST_DOCUMENTS: Final = 20
"""With fewer documents than this, their spread says too little about documents to come."""

Estimate = NDArray[np.float64]
"""(1 + resamples,): a figure on the test rows, then its replicates, the same figure on each resample."""


@dataclass(frozen=True)
class Clusters:
    """The resampling unit of each token: `index` (tokens,), in 0 … count − 1, every one of them there.

    `are_documents` says whether the units are documents; otherwise they are sequences.
    """

    index: NDArray[np.int32]
    count: int
    are_documents: bool


def make_clusters(document: ArrayLike, sequence: ArrayLike) -> Clusters:
    """Return documents as resampling units, or sequences when there are fewer than 20 documents.

    document, sequence: (tokens,), integers; a sequence's number may come again in another document. Raises InputError
    when there is only one sequence: then nothing is known about the spread.
    """
    documents, sequences = np.asarray(document), np.asarray(sequence)
    _, index = np.unique(documents, return_inverse=True)
    are_documents = index.max() + 1 >= FEWEST_DOCUMENTS
    if not are_documents:
        _, index = np.unique(np.stack([documents, sequences]), axis=1, return_inverse=True)
    count = int(index.max()) + 1
    if count < 2:
        raise InputError(f"sequence: {count} of them to judge on; two at least are wanted for an interval")
    return Clusters(index.astype(np.int32), count, bool(are_documents))


@dataclass(frozen=True)
class Resamples:
    """How often each resample holds each cluster, `weights` (clusters, resamples), all columns of one sum.

    `seed_draws` (resamples,), uniform in 0 … 1, says which of its seeds a trained signal has in each resample.
    """

    clusters: Clusters
    weights: NDArray[np.float32]
    seed_draws: Column


def draw_resamples(clusters: Clusters, resamples: int, seed: int) -> Resamples:
    """Draw clusters with replacement, one fewer than there are, `resamples` times, and the seeds to go with them.

    One fewer, because as many as there are would spread by the root of (clusters − 1) / clusters too little: Rao & Wu,
    1988, doi:10.1080/01621459.1988.10478591. At least two resamples are wanted.
    """
    random, count = np.random.default_rng(seed), clusters.count
    weights = random.multinomial(count - 1, np.full(count, 1 / count), size=resamples)
    return Resamples(clusters, np.ascontiguousarray(weights.T, dtype=np.float32), random.random(resamples))


def combine_seeds(seeds: Sequence[Mapping[str, Estimate]], resamples: Resamples) -> dict[str, Estimate]:
    """Return each figure of a signal trained with several seeds: its mean, and in each resample that of a drawn seed.

    So the spread between seeds widens the interval as the spread between clusters does.
    """
    drawn = (resamples.seed_draws * len(seeds)).astype(np.int64)
    combined = {}
    for name in seeds[0]:
        figures = np.stack([seed[name] for seed in seeds])
        value = sum(figures[:, 0]) / len(seeds)
        combined[name] = np.append(value, figures[drawn, np.arange(1, figures.shape[1])])
    return combined


def standard_error(estimate: Estimate) -> float:
    """Return the standard deviation of the replicates; NaN when the figure is undefined on any resample.

    A label that is in so few clusters that a resample can miss it has no interval that deserves trust.
    """
    return float(np.std(estimate[1:], ddof=1))


def interval(estimate: Estimate, clusters: int) -> tuple[float, float]:
    """Return the 95 % interval: value ± t · standard error, with clusters − 1 degrees of freedom; NaN if undefined."""
    half = float(t.ppf((1 + CONFIDENCE) / 2, clusters - 1)) * standard_error(estimate)
    return float(estimate[0] - half), float(estimate[0] + half)


def p_value(estimate: Estimate, clusters: int) -> float:
    """Return the two-sided p of the value being 0, from t with clusters − 1 degrees of freedom; NaN if undefined.

    A figure of 0 without any spread has p = 1.
    """
    distance, error = abs(estimate[0]), standard_error(estimate)
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


def estimate_row(section: str, item: str, metric: str, estimate: Estimate, clusters: int) -> Row:
    """Return the row of an estimate from so many clusters; value and interval are None where they are undefined."""
    value, bounds = float(estimate[0]), interval(estimate, clusters)
    known = bounds if all(map(math.isfinite, bounds)) else (None, None)
    return Row(section, item, metric, value if math.isfinite(value) else None, *known)
