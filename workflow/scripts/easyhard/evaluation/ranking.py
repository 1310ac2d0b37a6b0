"""A ranking, and what it is worth: tokens in groups of equal score, hardest first, the counts that each metric is read
off, and the metrics: areas under its curves, the halves of its median cut, the risk of its easiest tokens.

A sample may hold every token once, or each as often as a resample drew its cluster; the metrics do not care.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column, Mask

RUN, MANY_SAMPLES = 32, 8
"""Groups of a run of `sums_of`, and from how many samples on it goes run by run."""

Counts = NDArray[np.float64]
"""(groups, samples): a sum over the tokens of each group, hardest group first, in each sample."""
Sample = NDArray[np.float64]
"""(samples,): one figure on each sample."""


@dataclass(frozen=True)
class Groups:
    """A ranking: `order` (tokens,) holds token indices, hardest first; group g begins at `order[starts[g]]`.

    starts: (groups,), ascending, the first one 0; `mixed` (groups,) says which groups hold more than one score.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    mixed: NDArray[np.bool_]

    def of_tokens(self) -> NDArray[np.int32]:
        """Return the group of each token in the order of the ranking, (tokens,)."""
        sizes = np.diff(self.starts, append=len(self.order))
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    def sums(self, values: NDArray[Any]) -> Column:
        """Return the sum over each group, (groups,), of values (tokens,)."""
        return np.add.reduceat(values[self.order].astype(np.float64), self.starts)


def equal_scores(hardness: Column) -> Groups:
    """Return the groups of tokens with one and the same score; hardness: (tokens,), high for tokens thought hard."""
    order = np.argsort(-hardness, kind="stable")
    return Groups(order, *_runs(hardness[order]))


def equal_in_order(ranked: Column) -> Groups:
    """Return the same of tokens that are already in order; ranked: (tokens,), falling."""
    return Groups(np.arange(len(ranked)), *_runs(ranked))


def _runs(ranked: Column) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    return starts, np.zeros(len(starts), dtype=np.bool_)


def coarsen(groups: Groups, bins: int) -> Groups:
    """Return the groups joined to bins of about tokens / bins tokens; no group is cut, so ties stay together.

    A group as large as that remains alone, so there may be up to twice as many bins. With no more than `bins` groups
    they come back as they are.
    """
    if len(groups.starts) <= bins:
        return groups
    tokens = len(groups.order)
    large = np.diff(groups.starts, append=tokens) * bins >= tokens
    opens = np.diff(groups.starts * bins // tokens, prepend=-1) > 0
    opens |= large | np.concatenate([[False], large[:-1]])
    first = np.flatnonzero(opens)
    return Groups(groups.order, groups.starts[first], np.diff(first, append=len(opens)) > 1)


@dataclass(frozen=True)
class Sums:
    """What the tokens of each group add up to, `each`, and those from the hardest down to the group's last, `reached`,
    (groups, samples) both, hardest group first."""

    each: Counts
    reached: Counts


def sums_of(each: Counts) -> Sums:
    """Return the sums from those of each group, (groups, samples).

    Of many samples run by run: first within runs of groups, all at once, then from run to run. Down a column one by one
    takes twice as long.
    """
    if each.shape[1] < MANY_SAMPLES:
        return Sums(each, np.cumsum(each, axis=0))
    whole = len(each) // RUN * RUN
    reached = np.empty_like(each)
    reached[whole:] = np.cumsum(each[whole:], axis=0)
    runs = reached[:whole].reshape(-1, RUN, each.shape[1])
    runs[:] = each[:whole].reshape(runs.shape)
    for place in range(1, RUN):
        runs[:, place] += runs[:, place - 1]
    for number in range(1, len(runs)):
        runs[number] += runs[number - 1, -1]
    if whole:
        reached[whole:] += reached[whole - 1]
    return Sums(each, reached)


def differences(reached: Counts) -> Sums:
    """Return the same from the sums down to each group."""
    each = np.empty_like(reached)
    each[0] = reached[0]
    np.subtract(reached[1:], reached[:-1], out=each[1:])
    return Sums(each, reached)


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


def make_curve(tokens: Sums, mixed: NDArray[np.bool_]) -> Curve:
    """Return the curve of samples with so many tokens in the groups."""
    return Curve(tokens.each, tokens.reached, tokens.reached - tokens.each / 2, tokens.reached[-1], mixed)


def summed(groups: Groups, values: NDArray[Any]) -> Sums:
    """Return the sums of values (tokens,) in the one sample that holds every token once."""
    return sums_of(groups.sums(values)[:, None])


def once(groups: Groups, values: NDArray[Any]) -> tuple[Curve, Sums]:
    """Return the curve of the one sample that holds every token once, and the sums of values (tokens,) in it."""
    return make_curve(summed(groups, np.ones(len(values))), groups.mixed), summed(groups, values)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return above / below, NaN where below is 0: undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


def auroc(hardness: Column, hard: Mask) -> float:
    """Return the share of pairs (hard, easy) in which the hard token scores higher, ties one half; NaN without pairs.

    hardness: (tokens,), high for tokens thought hard; hard: (tokens,). The area under the receiver operating
    characteristic: Mann & Whitney, 1947, doi:10.1214/aoms/1177730491.

    >>> auroc(np.array([3.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False]))
    0.875
    """
    return float(curve_auroc(*once(equal_scores(hardness), hard))[0])


def augrc(hardness: Column, risk: Column) -> float:
    """Return the AUGRC of a score, (tokens,), high for tokens thought hard, with each token's risk (tokens,)."""
    return float(curve_augrc(*once(equal_scores(hardness), risk))[0])


def curve_auroc(curve: Curve, hard: Sums) -> Sample:
    """Return the AUROC of each sample from the hard tokens of the groups.

    A hard token loses against the easy ones that are harder than it: all that are harder, less the hard ones, which
    over all hard tokens come to half their number squared.
    """
    positives = hard.reached[-1]
    lost = np.einsum("gs,gs->s", hard.each, curve.harder) - positives**2 / 2
    return 1 - ratio(lost, positives * (curve.total - positives))


def curve_auprc(curve: Curve, hard: Sums) -> Sample:
    """Return the average precision of each sample from the hard tokens of the groups.

    Σ over the groups, hardest first, of (recall gained) · (precision so far), without interpolation, as scikit-learn's
    `average_precision_score` has it. A signal without information reaches the share of hard tokens. NaN without hard
    tokens.
    """
    precision = hard.reached / np.maximum(curve.reached, 1)  # a group that no token has reached yet has gained none
    return ratio(np.einsum("gs,gs->s", hard.each, precision), hard.reached[-1])


def curve_augrc(curve: Curve, risk: Sums) -> Sample:
    """Return the area under the generalised risk–coverage curve from the summed risk of the groups.

    Generalised risk at coverage c: the risk of the easiest c · N tokens, over all N. Its area, trapezoids, is the mean
    over pairs of tokens (i, j) of risk_i · [i is easier than j], ties and a token with itself one half, so ties are
    in random order. In the unit of the risk; lower is better. Traub et al., arXiv:2407.01032.
    """
    return np.einsum("gs,gs->s", risk.each, curve.harder) / curve.total**2


def curve_prr(curve: Curve, risk: Sums, oracle: Sample) -> Sample:
    """Return how much of the way from a random order's AUGRC to the oracle's a signal goes: 0 random, 1 oracle.

    risk: summed over the groups; `oracle` is its AUGRC. A random order has half the mean risk. NaN
    where the oracle gains nothing: all risks are equal. The prediction–rejection ratio of Malinin et al.,
    arXiv:1905.00076, where rejected tokens go to an oracle and have no risk left: generalised risk.
    """
    random = risk.reached[-1] * (curve.total / 2) / curve.total**2
    return ratio(random - curve_augrc(curve, risk), random - oracle)


def curve_halves(curve: Curve, loss: Sums) -> tuple[Sample, Sample]:
    """Return the easy share and the Loss Diff (nats) of the median cut of each sample, both (samples,).

    loss: summed over the groups, nats. The cut is `median_split`'s: all tokens with the score of the
    median token are easy. Where that token's group is mixed, the cut goes through it, as if no scores were equal. Loss
    Diff is NaN when no token is hard.
    """
    hard = np.floor(curve.total / 2)[None]
    middle = _first_reaching(curve.reached, hard + 1)
    mixed = curve.mixed[middle]
    hard_tokens = np.where(mixed, hard, _before(curve.reached, middle))[0]
    hard_loss = np.where(mixed, _hardest(curve, loss, hard), _before(loss.reached, middle))[0]
    easy_tokens = curve.total - hard_tokens
    difference = ratio(hard_loss, hard_tokens) - (loss.reached[-1] - hard_loss) / easy_tokens
    return easy_tokens / curve.total, difference


def curve_risks(curve: Curve, loss: Sums, coverages: Sequence[float]) -> Counts:
    """Return the mean loss (nats) of the easiest tokens at each coverage, in 0 … 1 but not 0: (coverages, samples).

    loss: summed over the groups, nats. Ties are in random order.
    """
    accepted = np.asarray(coverages)[:, None] * curve.total
    return (loss.reached[-1] - _hardest(curve, loss, curve.total - accepted)) / accepted


def _hardest(curve: Curve, loss: Sums, tokens: Counts) -> Counts:
    """Loss of so many hardest tokens, (wanted, samples); of a group that is cut, as large a share as of its tokens."""
    cut = _first_reaching(curve.reached, tokens)
    inside = np.maximum(np.take_along_axis(curve.tokens, cut, axis=0), 1)  # a group without tokens is not cut
    share = (tokens - _before(curve.reached, cut)) / inside
    return _before(loss.reached, cut) + share * np.take_along_axis(loss.each, cut, axis=0)


def _first_reaching(reached: Counts, wanted: Counts) -> NDArray[np.int64]:
    """Return the first group by which `wanted` tokens are reached, (wanted, samples).

    reached: (groups, samples), ascending; wanted: (wanted, samples), none above the last group's. Bisection, in all
    samples at once.
    """
    low, high = np.zeros(wanted.shape, dtype=np.int64), np.full(wanted.shape, len(reached) - 1)
    for _ in range(len(reached).bit_length()):
        middle = (low + high) // 2
        there = np.take_along_axis(reached, middle, axis=0) >= wanted
        low, high = np.where(there, low, np.minimum(middle + 1, high)), np.where(there, middle, high)
    return high


def _before(cumulative: Counts, group: NDArray[np.int64]) -> Counts:
    """Return the sum over all groups before `group` (wanted, samples), of `cumulative` (groups, samples)."""
    return np.where(group > 0, np.take_along_axis(cumulative, np.maximum(group - 1, 0), axis=0), 0.0)
