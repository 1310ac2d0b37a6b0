"""Cohen's d of the two halves of a median split, and what it is for distributions that have one mode or none."""

import math
from typing import Final

from easyhard.evaluation.columns import Column
from easyhard.evaluation.split import Mask

NORMAL: Final = 2 * math.sqrt(2 / math.pi) / math.sqrt(1 - 2 / math.pi)
"""Halves of a normal: means ±√(2/π) σ, variance (1 − 2/π) σ²."""

UNIFORM: Final = math.sqrt(12)
"""Halves of a uniform on 0 … 1: means 1/4 and 3/4, variance 1/48."""

EXPONENTIAL: Final = 2 * math.log(2) / math.sqrt(1 - math.log(2) ** 2)
"""Halves of an exponential of mean 1, cut at ln 2: means 1 ∓ ln 2, variances 1 − 2 ln² 2 and 1."""


def cohens_d(loss: Column, easy: Mask) -> float:
    """Return the hard tokens' mean loss minus the easy tokens', over the root of the mean of the parts' variances.

    loss, easy: (tokens,). Population variances, as the founding analysis has it. NaN when a part is empty or neither
    part varies.
    """
    if easy.all() or not easy.any():
        return float("nan")
    spread = math.sqrt((loss[easy].var() + loss[~easy].var()) / 2)
    return float((loss[~easy].mean() - loss[easy].mean()) / spread) if spread else float("nan")
