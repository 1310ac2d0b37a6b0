"""The loosest threshold of a policy for which a risk is promised to stay at or below ε on documents to come.

A risk is the mean over a document's tokens of what leaving early costs, from 0 to 1: disagreement with the whole model,
or excess loss kept in 0 … B, over B. Tokens of a document are no independent trials, so a document is one observation,
and all documents weigh the same, however long: the promise is on the mean over documents, which are taken to be drawn
independently of one source. `risk` is (documents, thresholds), thresholds from strict to loose; a threshold is named by
its number, None where not even the strictest is certified.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, rel_entr

from easyhard.errors import InputError

Column = NDArray[np.float64]

METHODS: Final = {
    "learn_then_test": "with probability 1 − δ",
    "risk_control": "in expectation",
    "confidence_bound": "with probability 1 − δ",
}
"""Each way to choose a threshold and in which sense the risk then stays at or below ε."""

MOST_DOCUMENTS: Final = 10**6


def learn_then_test(risk: ArrayLike, epsilon: float, delta: float) -> int | None:
    """The loosest threshold before the first, from the strictest on, at which "the risk is above ε" is not rejected at
    level δ: P(risk ≤ ε) ≥ 1 − δ (Angelopoulos et al., arXiv:2110.01052, fixed-sequence testing).

    Raises InputError for fewer than two documents, a risk outside 0 … 1, and ε or δ not between 0 and 1.
    """
    risks = _checked(risk, 2, epsilon=epsilon, delta=delta)
    return _loosest(hoeffding_bentkus(risks.mean(axis=0), len(risks), epsilon) <= delta)


def risk_control(risk: ArrayLike, epsilon: float) -> int | None:
    """The loosest threshold with (n R + 1) / (n + 1) ≤ ε, R the mean over n documents: E[risk] ≤ ε (conformal risk
    control, Angelopoulos et al., arXiv:2208.02814).

    The proof wants each document's risk to rise with the threshold, so the greatest so far stands for it. Raises
    InputError as `learn_then_test` does.
    """
    risks = np.maximum.accumulate(_checked(risk, 2, epsilon=epsilon), axis=1)
    return _loosest(_expected(risks.mean(axis=0), len(risks)) <= epsilon)


def confidence_bound(risk: ArrayLike, epsilon: float, delta: float) -> int | None:
    """The loosest threshold at which, and at all stricter ones, the `upper_bound` of the risk is at most ε:
    P(risk ≤ ε) ≥ 1 − δ (as in "Fast yet Safe", Jazbec et al., arXiv:2405.20915).

    The bound is at most ε where a bet on ε wins 1 / δ. Raises InputError as `learn_then_test` does.
    """
    risks = _checked(risk, 2, epsilon=epsilon, delta=delta)
    return _loosest(_won(risks, epsilon, delta) >= -np.log(delta))


def documents_needed(risk: ArrayLike, epsilon: float, delta: float, method: str) -> int | None:
    """With how many documents the strictest threshold would be certified, those at hand where they do.

    method: of METHODS. Were its mean risk to stay as it is; for the confidence bound, were these documents to come
    again and again. Found by doubling and bisection: with one document fewer it would not be certified. None where the
    mean is not below ε, since no looser threshold is certified without the strictest, and where a million documents are
    too few. Raises InputError as `learn_then_test` does.
    """
    strictest = _checked(risk, 2, epsilon=epsilon, delta=delta)[:, 0]
    mean = strictest.mean()
    certified: Callable[[int], Any] = {
        "learn_then_test": lambda documents: hoeffding_bentkus(mean, documents, epsilon) <= delta,
        "risk_control": lambda documents: _expected(mean, documents) <= epsilon,
        "confidence_bound": lambda documents: _won(np.resize(strictest, documents), epsilon, delta) >= -np.log(delta),
    }[method]
    if mean >= epsilon:
        return None
    enough = documents = len(strictest)
    while not certified(enough):
        if enough >= MOST_DOCUMENTS:
            return None
        enough = min(2 * enough, MOST_DOCUMENTS)
    return bisect_left(range(enough), True, lo=documents, key=certified)


def hoeffding_bentkus(mean: ArrayLike, documents: ArrayLike, epsilon: float) -> Column:
    """P-values of "the expected risk is above ε" where `documents` have this mean, both of any shapes that go together.

    min(exp(−n KL(min(R, ε) ‖ ε)), e P(Binomial(n, ε) ≤ ⌈n R⌉)), KL of Bernoulli trials; at most 1 (Bates et al.,
    arXiv:2101.02703; arXiv:2110.01052). Raises InputError for ε not between 0 and 1 and a mean outside 0 … 1.
    """
    means, count = _checked(mean, 0, epsilon=epsilon), np.asarray(documents)
    low = np.minimum(means, epsilon)
    hoeffding = np.exp(-count * (rel_entr(low, epsilon) + rel_entr(1 - low, 1 - epsilon)))
    return np.minimum(hoeffding, np.e * bdtr(np.ceil(count * means), count, epsilon))


def upper_bound(values: ArrayLike, delta: float) -> float:
    """An upper bound, at most 1, of the mean of what `values`, (documents,) in 0 … 1, are drawn from, which is too low
    with probability δ at most: that of Waudby-Smith and Ramdas, by betting (Bates et al., arXiv:2101.02703).

    It depends on the order of the documents. Raises InputError as `learn_then_test` does.
    """
    checked, wanted = _checked(values, 1, delta=delta), -np.log(delta)

    def above(mean: float) -> float:
        return float(_won(checked, mean, delta) - wanted)

    surely_below = np.expm1(wanted / len(checked)) / 2  # a document multiplies by 1 + mean at most
    return float(brentq(above, surely_below, 1.0)) if above(1.0) > 0 else 1.0


def _won(values: Column, mean: float, delta: float) -> Column:
    """Log of the most that bets on the values' mean being below `mean` have won at any time, (…,) of (documents, …).

    A bet, min(1, sqrt(2 log(1 / δ) / (n σ²))), is placed before its document is seen, by the variance of those before.
    """
    count = np.arange(2, len(values) + 2).reshape(-1, *[1] * (values.ndim - 1))
    centre = (0.5 + np.cumsum(values, axis=0)) / count
    variance = (0.25 + np.cumsum((values - centre) ** 2, axis=0)) / count
    before = np.concatenate([np.full_like(values[:1], 0.25), variance[:-1]])
    bets = np.minimum(1, np.sqrt(-2 * np.log(delta) / (len(values) * before)))
    won: Column = np.cumsum(np.log1p(bets * (mean - values)), axis=0).max(axis=0)
    return won


def _expected(mean: ArrayLike, documents: int) -> Column:
    return (documents * np.asarray(mean) + 1) / (documents + 1)


def _loosest(certified: NDArray[np.bool_]) -> int | None:
    """The last of those before the first that is not certified."""
    return int(np.logical_and.accumulate(certified).sum()) - 1 if certified[0] else None


def _checked(values: ArrayLike, dimensions: int, **shares: float) -> Column:
    """Values in 0 … 1, of two documents at least where they have any."""
    for name, share in shares.items():
        if not 0 < share < 1:
            raise InputError(f"{name}: {share}; a number between 0 and 1 is wanted")
    risks = np.asarray(values, dtype=np.float64)
    if dimensions and (risks.ndim != dimensions or len(risks) < 2 or not risks.size):
        raise InputError(f"risk: shape {risks.shape}; documents come first, two of them at least are wanted")
    if not ((risks >= 0) & (risks <= 1)).all():
        raise InputError(f"risk: from {risks.min()} to {risks.max()}; numbers from 0 to 1 are wanted")
    return risks
