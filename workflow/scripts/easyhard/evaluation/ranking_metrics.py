"""What a ranking is worth: areas under its curves, the halves of its median cut, the risk of its easiest tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column, Mask
from easyhard.evaluation.ranking import Counts, Curve, equal_scores, once, ratio

Sample = NDArray[np.float64]
"""(samples,): one figure on each sample."""


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


def curve_auroc(curve: Curve, hard: Counts) -> Sample:
    """Return the AUROC of each sample from the hard tokens of each group, (groups, samples).

    A hard token loses against the easy ones that are harder than it: all that are harder, less the hard ones, which
    over all hard tokens come to half their number squared.
    """
    positives = hard.sum(axis=0)
    lost = np.einsum("gs,gs->s", hard, curve.harder) - positives**2 / 2
    return 1 - ratio(lost, positives * (curve.total - positives))


def curve_auprc(curve: Curve, hard: Counts) -> Sample:
    """Return the average precision of each sample from the hard tokens of each group, (groups, samples).

    Σ over the groups, hardest first, of (recall gained) · (precision so far), without interpolation, as scikit-learn's
    `average_precision_score` has it. A signal without information reaches the share of hard tokens. NaN without hard
    tokens.
    """
    found = np.cumsum(hard, axis=0)
    precision = found / np.maximum(curve.reached, 1)  # a group that no token has reached yet has gained none
    return ratio(np.einsum("gs,gs->s", hard, precision), found[-1])


def curve_augrc(curve: Curve, risk: Counts) -> Sample:
    """Return the area under the generalised risk–coverage curve from the summed risk of each group, (groups, samples).

    Generalised risk at coverage c: the risk of the easiest c · N tokens, over all N. Its area, trapezoids, is the mean
    over pairs of tokens (i, j) of risk_i · [i is easier than j], ties and a token with itself one half, so ties are
    in random order. In the unit of the risk; lower is better. Traub et al., arXiv:2407.01032.
    """
    return np.einsum("gs,gs->s", risk, curve.harder) / curve.total**2


def curve_prr(curve: Curve, risk: Counts, oracle: Sample) -> Sample:
    """Return how much of the way from a random order's AUGRC to the oracle's a signal goes: 0 random, 1 oracle.

    risk: summed over each group, (groups, samples); `oracle` is its AUGRC. A random order has half the mean risk. NaN
    where the oracle gains nothing: all risks are equal. The prediction–rejection ratio of Malinin et al.,
    arXiv:1905.00076, where rejected tokens go to an oracle and have no risk left: generalised risk.
    """
    random = risk.sum(axis=0) * (curve.total / 2) / curve.total**2
    return ratio(random - curve_augrc(curve, risk), random - oracle)


def curve_halves(curve: Curve, loss: Counts) -> tuple[Sample, Sample]:
    """Return the easy share and the Loss Diff (nats) of the median cut of each sample, both (samples,).

    loss: summed over each group, (groups, samples), nats. The cut is `median_split`'s: all tokens with the score of the
    median token are easy. Where that token's group is mixed, the cut goes through it, as if no scores were equal. Loss
    Diff is NaN when no token is hard.
    """
    cumulative = np.cumsum(loss, axis=0)
    hard = np.floor(curve.total / 2)[None]
    middle = _first_reaching(curve.reached, hard + 1)
    mixed = curve.mixed[middle]
    hard_tokens = np.where(mixed, hard, _before(curve.reached, middle))[0]
    hard_loss = np.where(mixed, _hardest(curve, loss, cumulative, hard), _before(cumulative, middle))[0]
    easy_tokens = curve.total - hard_tokens
    difference = ratio(hard_loss, hard_tokens) - (cumulative[-1] - hard_loss) / easy_tokens
    return easy_tokens / curve.total, difference


def curve_risks(curve: Curve, loss: Counts, coverages: Sequence[float]) -> Counts:
    """Return the mean loss (nats) of the easiest tokens at each coverage, in 0 … 1 but not 0: (coverages, samples).

    loss: summed over each group, (groups, samples), nats. Ties are in random order.
    """
    cumulative = np.cumsum(loss, axis=0)
    accepted = np.asarray(coverages)[:, None] * curve.total
    return (cumulative[-1] - _hardest(curve, loss, cumulative, curve.total - accepted)) / accepted


def _hardest(curve: Curve, loss: Counts, cumulative: Counts, tokens: Counts) -> Counts:
    """Loss of so many hardest tokens, (wanted, samples); of a group that is cut, as large a share as of its tokens."""
    cut = _first_reaching(curve.reached, tokens)
    inside = np.maximum(np.take_along_axis(curve.tokens, cut, axis=0), 1)  # a group without tokens is not cut
    share = (tokens - _before(curve.reached, cut)) / inside
    return _before(cumulative, cut) + share * np.take_along_axis(loss, cut, axis=0)


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
