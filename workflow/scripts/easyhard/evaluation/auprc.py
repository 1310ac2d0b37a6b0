"""Area under the precision–recall curve, as average precision: hard tokens are the positive class."""

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.curve import Counts, Curve, ratio


def curve_auprc(curve: Curve, hard: Counts) -> NDArray[np.float64]:
    """Return the average precision of each sample, (samples,), from the hard tokens of each group, (groups, samples).

    Σ over the groups, hardest first, of (recall gained) · (precision so far), without interpolation, as scikit-learn's
    `average_precision_score` has it. A signal without information reaches the share of hard tokens. NaN without hard
    tokens.
    """
    found = np.cumsum(hard, axis=0)
    precision = found / np.maximum(curve.reached, 1)  # a group that no token has reached yet has gained none
    return ratio(np.einsum("gs,gs->s", hard, precision), found[-1])
