"""How tokens leave by a policy at every threshold of a grid, added up by document: each token is looked at once.

A grid runs from strict to loose, so a token that leaves at an exit at one threshold has left by that exit at every
later one. All that is asked of a policy is a sum over tokens, so it is kept as what changes between thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Grid = NDArray[np.float64]
"""(thresholds, exits − 1), falling along the first axis: from strict to loose."""


class ByExit:
    """What a token gives when it leaves at each exit: `last` (tokens,), at the last one, and at each before it what
    leaving there gives more than leaving at the next, `steps`, (tokens,) each."""

    def __init__(self, values: Sequence[NDArray[Any]]) -> None:
        """values: (tokens,) an exit, the last one's too."""
        self.last = np.asarray(values[-1], dtype=np.float64)
        self.steps = [np.subtract(here, later, dtype=np.float64) for here, later in pairwise(values)]


@dataclass(frozen=True)
class Leaving:
    """Where tokens leave: by each exit but the last, `places` (tokens,), cluster · (thresholds + 1) + the number of the
    first threshold from which on the token has left there or before."""

    places: Sequence[NDArray[np.int64]]
    cluster: NDArray[np.integer]
    clusters: int
    thresholds: int

    def sums(self, values: ByExit) -> Column:
        """Sums of what tokens give where they leave, (clusters, thresholds)."""
        start = np.bincount(self.cluster, values.last, self.clusters)
        sums: Column = np.repeat(start[:, None], self.thresholds, axis=1)
        for place, step in zip(self.places, values.steps, strict=True):
            sums += self._from_then_on(place, step)
        return sums

    def counts(self) -> Column:
        """How many tokens leave at each exit, (exits, clusters, thresholds)."""
        left = [self._from_then_on(place, None) for place in self.places]
        tokens = np.bincount(self.cluster, minlength=self.clusters).astype(np.float64)
        left.append(np.repeat(tokens[:, None], self.thresholds, axis=1))
        return np.diff(np.stack(left), axis=0, prepend=0.0)

    def _from_then_on(self, place: NDArray[np.int64], weights: Column | None) -> Column:
        found = np.bincount(place, weights, self.clusters * (self.thresholds + 1))
        left: Column = np.cumsum(found.reshape(self.clusters, -1)[:, :-1], axis=1, dtype=np.float64)
        return left


def leaving(levels: Sequence[Column], grid: Grid, cluster: NDArray[np.integer], clusters: int) -> Leaving:
    """Where tokens leave whose levels, (tokens,) an exit but the last, are held against a grid of thresholds.

    A token leaves at the first exit where its level is at least the threshold. cluster: (tokens,), 0 … clusters − 1.
    """
    count, first = len(grid), np.full(len(cluster), len(grid))
    places = []
    for number, level in enumerate(levels):
        first = np.minimum(first, count - np.searchsorted(grid[::-1, number], level, side="right"))
        places.append(cluster.astype(np.int64) * (count + 1) + first)
    return Leaving(places, cluster, clusters, count)
