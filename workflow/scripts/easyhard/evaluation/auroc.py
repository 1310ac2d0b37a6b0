"""Area under the receiver operating characteristic: how often a hard token scores above an easy one."""

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column
from easyhard.evaluation.curve import Counts, Curve, make_curve, ratio
from easyhard.evaluation.groups import equal_scores, group_sums
from easyhard.evaluation.split import Mask


def auroc(hardness: Column, hard: Mask) -> float:
    """Return the share of pairs (hard, easy) in which the hard token scores higher, ties one half; NaN without pairs.

    hardness: (tokens,), high for tokens thought hard; hard: (tokens,).
    Mann & Whitney, 1947, doi:10.1214/aoms/1177730491.

    >>> auroc(np.array([3.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False]))
    0.875
    """
    groups = equal_scores(hardness)
    curve = make_curve(group_sums(groups, np.ones(len(hardness)))[:, None], groups.mixed)
    return float(curve_auroc(curve, group_sums(groups, hard)[:, None])[0])


def curve_auroc(curve: Curve, hard: Counts) -> NDArray[np.float64]:
    """Return the AUROC of each sample, (samples,), from the hard tokens of each group, (groups, samples).

    A hard token loses against the easy ones that are harder than it: all that are harder, less the hard ones, which
    over all hard tokens come to half their number squared.
    """
    positives = hard.sum(axis=0)
    lost = np.einsum("gs,gs->s", hard, curve.harder) - positives**2 / 2
    return 1 - ratio(lost, positives * (curve.total - positives))
