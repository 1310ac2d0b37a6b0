"""Area under the generalised risk–coverage curve, and the prediction–rejection ratio that is made from it."""

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column
from easyhard.evaluation.curve import Counts, Curve, make_curve, ratio
from easyhard.evaluation.groups import equal_scores, group_sums


def augrc(hardness: Column, risk: Column) -> float:
    """Return the AUGRC of a score, (tokens,), high for tokens thought hard, with each token's risk (tokens,)."""
    groups = equal_scores(hardness)
    curve = make_curve(group_sums(groups, np.ones(len(hardness)))[:, None], groups.mixed)
    return float(curve_augrc(curve, group_sums(groups, risk)[:, None])[0])


def curve_augrc(curve: Curve, risk: Counts) -> NDArray[np.float64]:
    """Return the AUGRC of each sample, (samples,), from the summed risk of each group, (groups, samples).

    Generalised risk at coverage c: the risk of the easiest c · N tokens, over all N. Its area, trapezoids, is the mean
    over pairs of tokens (i, j) of risk_i · [i is easier than j], ties and a token with itself one half, so ties are
    in random order. In the unit of the risk; lower is better. Traub et al., arXiv:2407.01032.
    """
    return np.einsum("gs,gs->s", risk, curve.harder) / curve.total**2


def random_augrc(curve: Curve, risk: Counts) -> NDArray[np.float64]:
    """Return the AUGRC of a random order, half the mean risk: (samples,), from the risk of each group."""
    return risk.sum(axis=0) * (curve.total / 2) / curve.total**2


def prediction_rejection_ratio(
    area: NDArray[np.float64], random: NDArray[np.float64], oracle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how much of the way from a random order's AUGRC to the oracle's a signal goes: 0 random, 1 oracle.

    area, random, oracle: (samples,) in the unit of the risk. NaN where the oracle gains nothing: all risks are equal.
    Malinin et al., arXiv:1905.00076, where rejected tokens go to an oracle and have no risk left: generalised risk.
    """
    return ratio(random - area, random - oracle)
