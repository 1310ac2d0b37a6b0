"""Quality against compute over the thresholds of a policy, on all tokens and on every resample of their documents."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from easyhard.policies.simulation import ByExit, Leaving

Column = NDArray[np.float64]

PERPLEXITIES: Final = {"perplexity_1": 0.01, "perplexity_5": 0.05}
"""Points of a curve: the least compute at so much more perplexity than the whole model's."""

BUDGETS: Final = {"layers_25": 0.25, "layers_50": 0.5, "layers_75": 0.75}
"""Points of a curve: the least loss for so much of the layers' compute, beside one pass of the head."""


@dataclass(frozen=True)
class Curve:
    """Of each threshold, strict to loose, on each sample, (thresholds, samples): mean loss, that of leaving at random
    with the same shares an exit, `random` (both nats), agreement with the whole model, KL from it (nats); and `shares`
    of the tokens that leave at each exit, (exits, thresholds, samples)."""

    loss: Column
    random: Column
    agreement: Column
    kl: Column
    shares: Column

    def compute(self, costs: Column) -> Column:
        """Mean cost of a token, (thresholds, samples), from what leaving at each exit costs, (exits,)."""
        return np.einsum("e,eks->ks", costs, self.shares)


@dataclass(frozen=True)
class Measured:
    """What tokens give at each exit, and how often each sample has each cluster, `weights` (clusters, samples); `fixed`
    is the mean loss of each exit on each sample, (exits, samples)."""

    loss: ByExit
    agrees: ByExit
    kl: ByExit
    fixed: Column
    weights: Column

    def curve(self, left: Leaving) -> Curve:
        """The curve of where these tokens leave."""
        counts = np.stack([self._sampled(own) for own in left.counts()])
        tokens = counts.sum(0)
        loss, agreement, kl = (self._sampled(left.sums(own)) / tokens for own in (self.loss, self.agrees, self.kl))
        shares = counts / tokens
        return Curve(loss, np.einsum("eks,es->ks", shares, self.fixed), agreement, kl, shares)

    def _sampled(self, sums: Column) -> Column:
        return sums.T @ self.weights


def points(curve: Curve, costs: Column, layers: float, head: float) -> dict[str, int | None]:
    """The threshold of each point, by its number on the grid; None where no threshold keeps to a budget.

    By the first sample alone. costs: of leaving at each exit; `layers`, of all layers, and `head`, beside which budgets
    are, in the same unit. The strictest threshold lets nobody leave.
    """
    loss, compute = curve.loss[:, 0], curve.compute(costs)[:, 0]
    found: dict[str, int | None] = {}
    for name, more in PERPLEXITIES.items():
        found[name] = int(np.argmin(np.where(loss <= loss[0] + np.log1p(more), compute, np.inf)))
    for name, share in BUDGETS.items():
        kept = compute <= head + share * layers
        found[name] = int(np.argmin(np.where(kept, loss, np.inf))) if kept.any() else None
    return found


def area(curve: Curve, costs: Column, random: Column, fixed: Column) -> Column:
    """By how much a policy's loss lies below that of leaving at random, nats, on each sample, (samples,).

    The mean over compute from what leaving at the first exit costs to what the last one does, both unasked: `random`,
    (exits,); `costs`: the same with what the policy asks. Both curves run straight between thresholds; below what the
    policy costs at least, there is leaving at the first exit unasked. fixed: mean loss of each exit, (exits, samples).
    """
    own, chance = curve.compute(costs), curve.compute(random)
    paid = np.concatenate([own, np.full((1, own.shape[1]), random[0])])
    said = np.concatenate([curve.loss, fixed[:1]])
    span = random[0], random[-1]
    return (_integral(chance, curve.random, *span) - _integral(paid, said, *span)) / (span[1] - span[0])


def _integral(x: Column, y: Column, start: float, end: float) -> Column:
    """The integral from start to end of the function that runs straight between points and is level beyond them.

    x, y: (points, samples); points of a sample in any order.
    """
    order = np.argsort(x, axis=0, kind="stable")
    x, y = (np.take_along_axis(own, order, 0) for own in (x, y))
    inside = x.clip(start, end)
    width, step = np.diff(x, axis=0), np.diff(y, axis=0)
    slope = np.divide(step, width, out=np.zeros_like(step), where=width > 0)
    middle = y[:-1] + slope * ((inside[:-1] + inside[1:]) / 2 - x[:-1])
    level = y[0] * (inside[0] - start) + y[-1] * (end - inside[-1])
    found: Column = (np.diff(inside, axis=0) * middle).sum(0) + level
    return found
