"""Tokens in groups of equal score, hardest first: what every figure that only looks at order is made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column


@dataclass(frozen=True)
class Groups:
    """A ranking: `order` (tokens,) holds token indices, hardest first; group g begins at `order[starts[g]]`.

    starts: (groups,), ascending, the first one 0; `mixed` (groups,) says which groups hold more than one score.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    mixed: NDArray[np.bool_]


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


def group_of_tokens(groups: Groups) -> NDArray[np.int32]:
    """Return the group of each token in the order of the ranking, (tokens,)."""
    sizes = np.diff(groups.starts, append=len(groups.order))
    return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


def group_sums(groups: Groups, values: NDArray[Any]) -> Column:
    """Return the sum over each group, (groups,), of values (tokens,)."""
    return np.add.reduceat(values[groups.order].astype(np.float64), groups.starts)
