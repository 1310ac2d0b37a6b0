"""A ranking: tokens in groups of equal score, hardest first, and the counts from which each metric is read off.

A sample may hold every token once, or each as often as a resample drew its cluster; the metrics do not care.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column

Counts = NDArray[np.float64]
"""(groups, samples): a sum over the tokens of each group, hardest group first, in each sample."""


@dataclass(frozen=True)
class Groups:
    """A ranking: `order` (tokens,) holds token indices, hardest first; group g begins at `order[starts[g]]`.

    starts: (groups,), ascending, the first one 0; `mixed` (groups,) says which groups hold more than one score.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    mixed: NDArray[np.bool_]

    def of_tokens(self) -> NDArray[np.int32]:
        """Return the group of each token in the order of the ranking, (tokens,)."""
        sizes = np.diff(self.starts, append=len(self.order))
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    def sums(self, values: NDArray[Any]) -> Column:
        """Return the sum over each group, (groups,), of values (tokens,)."""
        return np.add.reduceat(values[self.order].astype(np.float64), self.starts)


def equal_scores(hardness: Column) -> Groups:
    """Return the groups of tokens with one and the same score; hardness: (tokens,), high for tokens thought hard."""
    order = np.argsort(-hardness, kind="stable")
    ranked = hardness[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    return Groups(order, starts, np.zeros(len(starts), dtype=np.bool_))


def coarsen(groups: Groups, bins: int) -> Groups:
    """Return the groups joined to bins of about tokens / bins tokens; no group is cut, so ties stay together.

    A group as large as that remains alone, so there may be up to twice as many bins. With no more than `bins` groups
    they come back as they are.
    """
    if len(groups.starts) <= bins:
        return groups
    tokens = len(groups.order)
    large = np.diff(groups.starts, append=tokens) * bins >= tokens
    opens = np.diff(groups.starts * bins // tokens, prepend=-1) > 0
    opens |= large | np.concatenate([[False], large[:-1]])
    first = np.flatnonzero(opens)
    return Groups(groups.order, groups.starts[first], np.diff(first, append=len(opens)) > 1)


@dataclass(frozen=True)
class Curve:
    """Tokens of each group, and how many come before, (groups, samples) each; `total` is (samples,).

    `reached` counts the tokens from the hardest down to the group's last; `harder` those that are harder than a token
    of the group, half of its own group among them: its mid-rank. `mixed` (groups,) says which groups hold more than one
    score, in an order that is no longer known.
    """

    tokens: Counts
    reached: Counts
    harder: Counts
    total: NDArray[np.float64]
    mixed: NDArray[np.bool_]


def make_curve(tokens: Counts, mixed: NDArray[np.bool_]) -> Curve:
    """Return the curve of samples with so many tokens in each group, (groups, samples), hardest group first."""
    reached = np.cumsum(tokens, axis=0)
    return Curve(tokens, reached, reached - tokens / 2, reached[-1], mixed)


def once(groups: Groups, values: NDArray[Any]) -> tuple[Curve, Counts]:
    """Return the curve of the one sample that holds every token once, and the sum of values (tokens,) in each group."""
    curve = make_curve(groups.sums(np.ones(len(values)))[:, None], groups.mixed)
    return curve, groups.sums(values)[:, None]


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return above / below, NaN where below is 0: undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)
