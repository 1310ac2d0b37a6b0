"""AUROC among tokens that are alike: does a signal know more than which targets are rare, and in which document?"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column, Mask, Rows, mean_or_nan
from easyhard.evaluation.drawn import Drawn
from easyhard.evaluation.ranking import coarsen, curve_auroc, equal_in_order, make_curve, once, ratio
from easyhard.evaluation.resampling import Estimate, Resamples, estimate_row, interval
from easyhard.evaluation.rows import Row, make_rows

SECTION: Final = "fair_strata"
FREQUENCIES: Final = {"0": 0.0, "1": 1.0, "2_10": 10.0, "11_100": 100.0, "101_1000": 1000.0, "over_1000": math.inf}
"""Strata of how often training saw the target, each with the highest count in it."""
BINS: Final = 256
"""About so many groups of scores in a stratum on resamples: the spread of an AUROC needs no more."""
REPORTED: Final = ("frequency", "position")
WITHIN: Final = {trait: f"auroc_within_{trait}" for trait in REPORTED} | {"document": "auroc_within_documents"}
POOLED: Final = "pooled"

Pairs = tuple[Estimate, Estimate]
"""Pairs of a hard and an easy token: how many, and in which share the hard one scores higher, NaN without pairs."""


class Strata:
    """Measures signals among tokens of one stratum, on the same test rows and resamples as `Judge`."""

    def __init__(self, hard: Mask, traits: Mapping[str, NDArray[np.integer]], resamples: Resamples) -> None:
        """hard: (tokens,), the main label; traits: what tokens can be alike in, (tokens,) each, negative if not known.

        Traits: frequency, how often training saw the target; position in the window, from 0; document. One that is not
        known is left out.
        """
        self._hard, self._drawn = hard, Drawn(resamples)
        self._samples = 1 + resamples.weights.shape[1]
        self._strata = {name: cut_strata(name, values) for name, values in traits.items() if values.min() >= 0}

    def token_rows(self) -> list[Row]:
        """Return item `tokens`: share_… and hard_…, each stratum's share of the tokens and of hard ones among them."""
        rows = []
        for trait in [trait for trait in self._strata if trait in REPORTED]:
            for label, inside in self._strata[trait].items():
                share, hard = len(inside) / len(self._hard), mean_or_nan(self._hard[inside].astype(np.float64))
                rows += make_rows(SECTION, "tokens", {f"share_{trait}_{label}": share, f"hard_{trait}_{label}": hard})
        return rows

    def measure(self, hardness: Column) -> dict[str, Estimate]:
        """Return the AUROCs of a signal from its hardness scores, (tokens,), high for tokens thought hard.

        auroc_frequency_… and auroc_position_… in each stratum; auroc_within_frequency, auroc_within_position and
        auroc_within_documents over all pairs of tokens that share a stratum or document; `POOLED` over all pairs, where
        frequency is known. NaN in a stratum without hard or without easy tokens.
        """
        figures: dict[str, Estimate] = {}
        order = np.argsort(-hardness, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        for trait, parts in self._strata.items():
            of_documents = trait == "document" and self._drawn.clusters.are_documents
            count = self._pairs_of_document if of_documents else self._pairs
            pairs = {label: count(hardness, order[np.sort(place[rows])]) for label, rows in parts.items()}
            if trait in REPORTED:
                figures |= {f"auroc_{trait}_{label}": found for label, (_, found) in pairs.items()}
            figures[WITHIN[trait]] = _within(pairs.values())
        if "frequency" in self._strata:
            figures[POOLED] = self._pairs(hardness, order)[1]
        return figures

    def _pairs(self, score: Column, rows: Rows) -> Pairs:
        """The pairs among the tokens `rows`, hardest first. Replicates are moved by what binning does to the AUROC of
        all of them."""
        hard = self._hard[rows]
        if hard.all() or not hard.any():
            none = np.zeros(self._samples)
            return (none, np.full(len(none), np.nan))
        groups = equal_in_order(score[rows])
        placed = self._drawn.at(coarsen(groups, BINS), rows)
        tokens, positives = placed.tally(np.ones(len(rows), dtype=bool)), placed.tally(hard)
        number, found = [], []
        for block in self._drawn.blocks:
            curve, own = make_curve(tokens.on(block), placed.bins.mixed), positives.on(block)
            number.append(own.reached[-1] * (curve.total - own.reached[-1]))
            found.append(curve_auroc(curve, own))
        binned, exact = np.concatenate(found), curve_auroc(*once(groups, hard))
        return (np.concatenate(number), np.append(exact, binned[1:] + (exact - binned[0])))

    def _pairs_of_document(self, score: Column, rows: Rows) -> Pairs:
        """The pairs of one document where documents are resampled: drawn twice, it has them twice, not four times."""
        hard, cluster = self._hard[rows], self._drawn.clusters.index[rows[0]]
        drawn = np.concatenate([block[cluster] for block in self._drawn.blocks]).astype(np.float64)
        exact = curve_auroc(*once(equal_in_order(score[rows]), hard))[0]
        return (drawn * hard.sum() * (~hard).sum(), np.full(len(drawn), exact))


def strata_rows(signal: str, estimates: Mapping[str, Estimate], clusters: int) -> list[Row]:
    """Return the rows of a signal, section `fair_strata`: its AUROCs with intervals, but for `POOLED`.

    That gives way to frequency_share, the part of the signal that the target's frequency explains:
    1 − (within − ½) / (pooled − ½). It is None unless the interval of `POOLED` lies above ½: otherwise there is
    nothing to explain.
    """
    reported = dict(estimates)
    pooled = reported.pop(POOLED, None)
    if pooled is not None:
        explains = interval(pooled, clusters)[0] > 0.5
        left = ratio(reported[WITHIN["frequency"]] - 0.5, pooled - 0.5)
        reported["frequency_share"] = 1 - left if explains else np.full(len(pooled), np.nan)
    return [estimate_row(SECTION, signal, name, estimate, clusters) for name, estimate in reported.items()]


def cut_strata(trait: str, values: NDArray[np.integer]) -> dict[str, Rows]:
    """The tokens of each stratum by its name, ascending."""
    highest = _highest(trait, values)
    stratum = np.searchsorted(np.array(list(highest.values())), values)
    return {label: np.flatnonzero(stratum == code) for code, label in enumerate(highest)}


def _highest(trait: str, values: NDArray[np.integer]) -> dict[str, float]:
    """The strata that values are cut into, and the highest value in each: positions double up to the last."""
    if trait == "frequency":
        return FREQUENCIES
    if trait == "document":
        return {str(document): float(document) for document in np.unique(values)}
    highest, low = {"0": 0.0}, 1
    while low <= values.max():
        last = max(4, 2 * low) - 1
        highest[f"{low}_{last}"] = float(last)
        low = last + 1
    return highest


def _within(parts: Iterable[Pairs]) -> Estimate:
    """The AUROC over the pairs of all parts together."""
    number, won = np.zeros(()), np.zeros(())
    for pairs, auroc_of_part in parts:
        number = number + pairs
        won = won + np.where(pairs > 0, pairs * auroc_of_part, 0.0)
    return ratio(won, number)
