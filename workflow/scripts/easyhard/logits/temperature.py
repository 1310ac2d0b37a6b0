"""The one number that calibrates a model best: the temperature that its logits are divided by."""

from math import exp, log
from typing import Any

from scipy.optimize import minimize_scalar
from torch import Tensor

from easyhard.logits.statistics import logit_statistics

LOWEST, HIGHEST = 0.1, 10.0
PRECISION = 1e-3  # of log T


def fit_temperature(hidden: Tensor, head: Tensor, targets: Tensor, *, softcap: float | None = None) -> float:
    """The T in 0.1..10 with the lowest mean cross-entropy between softmax(z / T) and targets, to 0.1 %.

    z = hidden @ head.T, or softcap tanh(hidden @ head.T / softcap): T divides the capped logits. hidden (tokens, dim),
    head (words, dim), targets (tokens,) int64. Temperature scaling of Guo et al., arXiv:1706.04599. The mean is convex
    in 1 / T, so there is one minimum. Costs about ten passes over the vocabulary: a few thousand tokens are enough.
    Raises InputError naming the argument that is wrong.
    """

    def mean_loss(log_temperature: float) -> float:
        temperature = exp(log_temperature)
        cap = None if softcap is None else softcap / temperature
        found = logit_statistics(hidden / temperature, head, targets, statistics=("loss",), softcap=cap)
        return float(found["loss"].double().mean())

    bounds = log(LOWEST), log(HIGHEST)
    best: Any = minimize_scalar(mean_loss, bounds=bounds, method="bounded", options={"xatol": PRECISION})
    return exp(best.x)
