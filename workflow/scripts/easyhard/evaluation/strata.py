"""AUROC among tokens that are alike: does a signal know more than which targets are rare, and in which document?"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.evaluation.auroc import auroc, curve_auroc
from easyhard.evaluation.cluster_sums import cluster_sums
from easyhard.evaluation.clusters import Clusters
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.curve import Counts, make_curve, ratio
from easyhard.evaluation.estimate_rows import estimate_row
from easyhard.evaluation.groups import Groups, coarsen, equal_scores
from easyhard.evaluation.resampling import Estimate, Resamples, combine_seeds, interval
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import Mask, mean_or_nan

SECTION: Final = "fair_strata"
FREQUENCIES: Final = {"0": 0.0, "1": 1.0, "2_10": 10.0, "11_100": 100.0, "101_1000": 1000.0, "over_1000": math.inf}
"""Strata of how often training saw the target, each with the highest count in it."""
BINS: Final = 256
"""About so many groups of scores in a stratum on resamples: the spread of an AUROC needs no more."""
REPORTED: Final = ("frequency", "position")
WITHIN: Final = {trait: f"auroc_within_{trait}" for trait in REPORTED} | {"document": "auroc_within_documents"}
POOLED: Final = "pooled"

Rows = NDArray[np.int64]
Strata = dict[str, Rows]
"""The tokens of each stratum, as row numbers, (tokens in it,)."""


@dataclass(frozen=True)
class Traits:
    """What tokens can be alike in, each (tokens,) whole numbers; None where it is not known, negative for one token.

    frequency: how often training saw the target; position: in the window, from 0; document: ids.
    """

    frequency: ArrayLike | None = None
    position: ArrayLike | None = None
    document: ArrayLike | None = None


@dataclass(frozen=True)
class _Sampled:
    """The main label, and the cluster of each token with its weights (clusters, 1 + resamples), all 1 in the first."""

    hard: Mask
    clusters: Clusters
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a hard and an easy token: how many, and in which share the hard one scores higher, NaN without pairs.

    Both (1 + resamples,): of all tokens, exact, then of each resample.
    """

    number: Column
    auroc: Column


def strata_rows(
    hardness: Mapping[str, Sequence[ArrayLike]],
    hard: ArrayLike,
    traits: Traits,
    clusters: Clusters,
    resamples: Resamples,
) -> list[Row]:
    """Return section `fair_strata`: item `tokens`, then one item a signal.

    hardness: signal → one column (tokens,) a seed, high for tokens thought hard; hard: (tokens,) bool, the main label.
    Item `tokens` has share_… and hard_…, each stratum's share of the tokens and the share of hard ones among them. A
    signal has AUROCs with intervals: auroc_frequency_… and auroc_position_… in each stratum; auroc_within_frequency,
    auroc_within_position and auroc_within_documents over all pairs of tokens that share a stratum or document.
    frequency_share is the part of the signal that the target's frequency explains: 1 − (within − ½) / (pooled − ½),
    with `pooled` the AUROC over all pairs of the same tokens. It is None unless the interval of `pooled` lies above ½:
    otherwise there is nothing to explain. What is not known is left out; a stratum that lacks hard or easy tokens has
    None, and no interval when only a resample lacks them. Raises InputError naming a column that does not fit.
    """
    known = {name: column for name, column in vars(traits).items() if column is not None}
    hard_numbers, *columns = check_columns({"hard": hard, **known})
    _check_clusters(len(hard_numbers), clusters, resamples)
    weights = np.column_stack([np.ones(clusters.count, dtype=np.float32), resamples.weights])
    sampled = _Sampled(hard_numbers > 0, clusters, weights)
    strata = _strata(dict(zip(known, columns, strict=True)))
    rows = _token_rows(strata, sampled.hard)
    for signal, seeds in hardness.items():
        named = {f"{signal}@{seed}": column for seed, column in enumerate(seeds)}
        scores = check_columns({"hard": hard_numbers, **named})[1:]
        figures = [_figures(score, strata, sampled) for score in scores]
        estimates = {name: combine_seeds([seed[name] for seed in figures], resamples) for name in figures[0]}
        for metric, estimate in _with_share(estimates, clusters.count).items():
            rows.append(estimate_row(SECTION, signal, metric, estimate, clusters.count))
    return rows


def _check_clusters(tokens: int, clusters: Clusters, resamples: Resamples) -> None:
    if len(clusters.index) != tokens:
        raise InputError(f"clusters: {len(clusters.index)} tokens; {tokens} are wanted, as many as hard has")
    if len(resamples.weights) != clusters.count:
        raise InputError(
            f"resamples: {len(resamples.weights)} clusters; {clusters.count} are wanted, as many as clusters has"
        )


def _strata(traits: Mapping[str, Column]) -> dict[str, Strata]:
    """The tokens of each stratum, by what they share; what is not known of any token is left out."""
    known = {name: values for name, values in traits.items() if values.max() >= 0}
    return {name: _cut(values, _highest(name, values[values >= 0])) for name, values in known.items()}


def _highest(trait: str, values: Column) -> dict[str, float]:
    """The strata that values are cut into, ascending, and the highest value in each."""
    if trait == "frequency":
        return FREQUENCIES
    if trait == "document":
        return {f"{document:.0f}": document for document in np.unique(values)}
    highest, low = {"0": 0.0}, 1
    while low <= values.max():
        last = max(4, 2 * low) - 1
        highest[f"{low}_{last}"] = float(last)
        low = last + 1
    return highest


def _cut(values: Column, highest: Mapping[str, float]) -> Strata:
    stratum = np.searchsorted(np.array(list(highest.values())), values)
    stratum[values < 0] = -1
    return {label: np.flatnonzero(stratum == code) for code, label in enumerate(highest)}


def _token_rows(strata: Mapping[str, Strata], hard: Mask) -> list[Row]:
    rows = []
    for trait in [trait for trait in strata if trait in REPORTED]:
        for label, inside in strata[trait].items():
            figures = {"share": len(inside) / len(hard), "hard": mean_or_nan(hard[inside].astype(np.float64))}
            rows += make_rows(SECTION, "tokens", {f"{name}_{trait}_{label}": value for name, value in figures.items()})
    return rows


def _figures(score: Column, strata: Mapping[str, Strata], sampled: _Sampled) -> dict[str, Estimate]:
    """Every AUROC of one seed, and `POOLED`, over all pairs of the tokens of known frequency."""
    figures: dict[str, Estimate] = {}
    for trait, parts in strata.items():
        count = _pairs_of_document if trait == "document" and sampled.clusters.are_documents else _pairs
        pairs = {label: count(score, rows, sampled) for label, rows in parts.items()}
        if trait in REPORTED:
            figures |= {f"auroc_{trait}_{label}": _estimate(found.auroc) for label, found in pairs.items()}
        figures[WITHIN[trait]] = _within(pairs.values())
    if "frequency" in strata:
        known = np.concatenate(list(strata["frequency"].values()))
        figures[POOLED] = _estimate(_pairs(score, known, sampled).auroc)
    return figures


def _pairs(score: Column, rows: Rows, sampled: _Sampled) -> _Pairs:
    """The pairs among the tokens `rows`. Replicates are moved by what binning does to the AUROC of all of them."""
    hard = sampled.hard[rows]
    if hard.all() or not hard.any():
        none = np.zeros(sampled.weights.shape[1])
        return _Pairs(none, np.full(len(none), np.nan))
    bins = coarsen(equal_scores(score[rows]), BINS)
    tokens, positives = (_drawn(bins, values, rows, sampled) for values in (np.ones(len(rows)), hard))
    total = positives.sum(axis=0)
    curve = make_curve(tokens, bins.mixed)
    binned, exact = curve_auroc(curve, positives), auroc(score[rows], hard)
    return _Pairs(total * (curve.total - total), np.append(exact, binned[1:] + (exact - binned[0])))


def _drawn(bins: Groups, values: NDArray[Any], rows: Rows, sampled: _Sampled) -> Counts:
    """The sum of values, one for each of `rows`, in each bin: (bins, 1 + resamples); counts, so float32 is exact."""
    clusters = sampled.clusters
    sums = cluster_sums(bins, values.astype(np.float32), clusters.index[rows], clusters.count)
    return (sums @ sampled.weights).astype(np.float64)


def _pairs_of_document(score: Column, rows: Rows, sampled: _Sampled) -> _Pairs:
    """The pairs of one document when documents are resampled: drawn twice, it has its pairs twice, not four times."""
    hard = sampled.hard[rows]
    drawn = sampled.weights[sampled.clusters.index[rows[0]]].astype(np.float64)
    return _Pairs(drawn * hard.sum() * (~hard).sum(), np.full(len(drawn), auroc(score[rows], hard)))


def _within(parts: Iterable[_Pairs]) -> Estimate:
    """The AUROC over the pairs of all parts together."""
    number, won = np.zeros(()), np.zeros(())
    for part in parts:
        number = number + part.number
        won = won + np.where(part.number > 0, part.number * part.auroc, 0.0)
    return _estimate(ratio(won, number))


def _with_share(estimates: Mapping[str, Estimate], clusters: int) -> dict[str, Estimate]:
    """The estimates to report: `POOLED` gives way to frequency_share."""
    reported = {name: estimate for name, estimate in estimates.items() if name != POOLED}
    if POOLED not in estimates:
        return reported
    pooled, within = estimates[POOLED], estimates[WITHIN["frequency"]]
    low, _ = interval(pooled, clusters)
    if not low > 0.5:
        return reported | {"frequency_share": Estimate(math.nan, np.full(len(pooled.replicates), np.nan))}
    share = 1 - (within.value - 0.5) / (pooled.value - 0.5)
    return reported | {"frequency_share": Estimate(share, 1 - ratio(within.replicates - 0.5, pooled.replicates - 0.5))}


def _estimate(figure: Column) -> Estimate:
    return Estimate(float(figure[0]), figure[1:])
