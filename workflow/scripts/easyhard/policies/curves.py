"""Quality against compute over the thresholds of a policy, on all tokens and on every resample of their documents."""

from dataclasses import dataclass
from typing import Final, NamedTuple

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


class Point(NamedTuple):
    """A threshold, by its number on the grid, with the mean compute and loss that chose it."""

    threshold: int
    compute: float
    loss: float


def points(curve: Curve, costs: Column, layers: float, head: float) -> dict[str, Point]:
    """The threshold of each point, but of those that no threshold keeps to the budget of.

    By the first sample alone. costs: of leaving at each exit; `layers`, of all layers, and `head`, beside which budgets
    are, in the same unit. The strictest threshold lets nobody leave.
    """
    loss, compute = curve.loss[:, 0], curve.compute(costs)[:, 0]
    found = {
        name: int(np.argmin(np.where(loss <= loss[0] + np.log1p(more), compute, np.inf)))
        for name, more in PERPLEXITIES.items()
    }
    for name, share in BUDGETS.items():
        kept = compute <= head + share * layers
        if kept.any():
            found[name] = int(np.argmin(np.where(kept, loss, np.inf)))
    return {name: Point(number, float(compute[number]), float(loss[number])) for name, number in found.items()}


class Areas(NamedTuple):
    """By how much a policy's loss lies below others', nats, on each sample, (samples,): the mean over compute from what
    leaving always at the first exit costs to what the last one does. `random`: leaving at random with the same shares
    an exit, so what the signal knows of tokens; `fixed`: the best mixture of leaving always at one exit or another, so
    what is gained over having no signal."""

    random: Column
    fixed: Column


def areas(curve: Curve, costs: Column, random: Column, fixed: Column, mixture: Column) -> Areas:
    """The areas of a curve, whose head has these mean losses at the exits, `fixed` (exits, samples).

    costs, random: of leaving at each exit with what the policy asks and without, (exits,); mixture: the mean loss of
    the best mixture, as `best_mixture` gives it. Curves run straight between thresholds; below what the policy costs at
    least, there is leaving at the first exit unasked.
    """
    own, chance = curve.compute(costs), curve.compute(random)
    paid = np.concatenate([own, np.full((1, own.shape[1]), random[0])])
    said = np.concatenate([curve.loss, fixed[:1]])
    span = random[0], random[-1]
    width = span[1] - span[0]
    own_mean = _integral(paid, said, *span) / width
    return Areas(_integral(chance, curve.random, *span) / width - own_mean, mixture - own_mean)


def best_mixture(costs: Column, fixed: Column) -> Column:
    """The mean over compute of the lowest loss that some exits, each taken always or by chance, reach, (samples,).

    It is the lower convex hull of the exits' costs (exits,), rising, and mean losses (exits, samples).
    """
    found = []
    for losses in fixed.T:
        hull: list[int] = []
        for exit in range(len(costs)):
            while len(hull) > 1 and _bends_up(costs, losses, hull[-2], hull[-1], exit):
                hull.pop()
            hull.append(exit)
        found.append(np.trapezoid(losses[hull], costs[hull]) / (costs[-1] - costs[0]))
    return np.array(found)


def _bends_up(x: Column, y: Column, first: int, middle: int, last: int) -> bool:
    """Whether the middle one of three points lies on or above the line through the others."""
    return bool((y[middle] - y[first]) * (x[last] - x[first]) >= (y[last] - y[first]) * (x[middle] - x[first]))


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
