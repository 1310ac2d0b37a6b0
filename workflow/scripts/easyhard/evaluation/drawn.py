"""What tokens add up to in the bins of a ranking, on the sample of all tokens and on each resample of clusters."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from easyhard.evaluation.ranking import Groups, Sums, differences, sums_of
from easyhard.evaluation.resampling import Resamples

FEW: Final = 96
"""Clusters up to which a table of all bins by all clusters is cheaper than going through the tokens."""
SAMPLES_AT_ONCE: Final = 144  # no power of two: rows that lie one apart would push each other out of the cache

Block = NDArray[np.float32] | NDArray[np.float64]
"""(clusters, samples): how often some of the samples have each cluster; float32, which sums counts exactly up to 16
million a bin, where they are many."""


class Drawn:
    """The samples: `blocks` of them that stay near the processor, the first sample of the first that of all tokens."""

    def __init__(self, resamples: Resamples) -> None:
        self.clusters = resamples.clusters
        weights = resamples.weights.astype(np.float64 if self.has_few else np.float32)
        samples = np.concatenate([np.ones((len(weights), 1), dtype=weights.dtype), weights], axis=1)
        starts = range(0, samples.shape[1], SAMPLES_AT_ONCE)
        self.blocks: list[Block] = [np.ascontiguousarray(samples[:, at : at + SAMPLES_AT_ONCE]) for at in starts]

    @property
    def has_few(self) -> bool:
        """Whether clusters are few, so that products over pairs of them are cheap."""
        return self.clusters.count <= FEW

    def at(self, bins: Groups, rows: NDArray[np.int64] | None = None) -> "Placed":
        """The bins of some ranking of the tokens, or of the tokens `rows` alone, in which it counts them."""
        cluster = self.clusters.index if rows is None else self.clusters.index[rows]
        return Placed(self, bins, cluster[bins.order])


@dataclass(frozen=True)
class Placed:
    """Tokens in the order of a ranking, in its bins: `cluster` (tokens,) has the cluster of each."""

    drawn: Drawn
    bins: Groups
    cluster: NDArray[np.int32]

    def tally(self, values: NDArray[Any]) -> "Tally":
        """Return values (tokens,), one for each token as the ranking was made of them, ready to be summed."""
        if self.drawn.has_few:
            return Tally(np.cumsum(self.table(values), axis=0))
        return Tally(_sparse(self.bins, values, self.cluster, self.drawn.clusters.count))

    def table(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values summed by bin and cluster, (bins, clusters)."""
        count, bins = self.drawn.clusters.count, len(self.bins.starts)
        place = self.bins.of_tokens() * count + self.cluster
        weights = values[self.bins.order].astype(np.float64)
        return np.bincount(place, weights=weights, minlength=bins * count).reshape(bins, count).astype(np.float64)


@dataclass(frozen=True)
class Tally:
    """Values by bin and cluster, (bins, clusters): of few clusters those of all tokens down to the bin, of many the
    bin's own, sparse. Sums of counts are exact either way."""

    values: NDArray[np.float64] | csr_array

    def on(self, block: Block) -> Sums:
        """Return the sums on each sample of a block."""
        found = self.values @ block
        if isinstance(self.values, csr_array):
            return sums_of(found.astype(np.float64))
        return differences(found)


def _sparse(groups: Groups, values: NDArray[Any], cluster: NDArray[np.int32], clusters: int) -> csr_array:
    """Values (tokens,) by group and cluster, which is in the ranking's order: an entry for each token whose value is
    not 0; those of one place are left to the product to add, in one order however many threads there are."""
    kept = np.flatnonzero(values[groups.order])
    rows = np.searchsorted(kept, np.append(groups.starts, len(groups.order)))
    own = values[groups.order[kept]].astype(np.float32 if values.dtype == bool else np.float64)
    return csr_array((own, cluster[kept], rows), shape=(len(groups.starts), clusters))
