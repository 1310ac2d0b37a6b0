"""What a ranking makes of the losses: the halves of the median cut, and the risk at any coverage."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.curve import Counts, Curve, before, first_reaching, ratio


def curve_halves(curve: Curve, loss: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the easy share and the Loss Diff (nats) of the median cut of each sample, both (samples,).

    loss: summed over each group, (groups, samples), nats. The cut is `median_split`'s: all tokens with the score of the
    median token are easy. Where that token's group is mixed, the cut goes through it, as if no scores were equal. Loss
    Diff is NaN when no token is hard.
    """
    cumulative = np.cumsum(loss, axis=0)
    hard = np.floor(curve.total / 2)[None]
    middle = first_reaching(curve.reached, hard + 1)
    mixed = curve.mixed[middle]
    hard_tokens = np.where(mixed, hard, before(curve.reached, middle))[0]
    hard_loss = np.where(mixed, _hardest(curve, loss, cumulative, hard), before(cumulative, middle))[0]
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
    cut = first_reaching(curve.reached, tokens)
    inside = np.maximum(np.take_along_axis(curve.tokens, cut, axis=0), 1)  # a group without tokens is not cut
    share = (tokens - before(curve.reached, cut)) / inside
    return before(cumulative, cut) + share * np.take_along_axis(loss, cut, axis=0)
