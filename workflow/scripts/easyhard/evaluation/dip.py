"""Hartigan's dip test of one mode against several, for tokens that are not independent of their neighbours."""

import diptest
import numpy as np
from numpy.typing import ArrayLike

from easyhard.evaluation.columns import Column

DRAWS = 101
FEWEST_SEQUENCES = 4


def dip(values: Column) -> float:
    """Return Hartigan's dip of the values (tokens,): the largest distance of their distribution to a unimodal one."""
    return float(diptest.dipstat(values))


def thinned_p_value(values: Column, sequence: ArrayLike, *, seed: int) -> float:
    """Return the dip test's p-value on one token a sequence, the median over 101 seeded draws.

    values: (tokens,); sequence: (tokens,) ids. Tokens of one sequence resemble each other, so a test on all of them
    takes them for more evidence than they are. NaN for fewer than four sequences, where the test says nothing.
    """
    ids = np.asarray(sequence)
    order = np.argsort(ids, kind="stable")
    _, starts, counts = np.unique(ids[order], return_index=True, return_counts=True)
    if len(starts) < FEWEST_SEQUENCES:
        return float("nan")
    random = np.random.default_rng(seed)
    picks = (order[starts + random.integers(counts)] for _ in range(DRAWS))
    return float(np.median([diptest.diptest(values[rows])[1] for rows in picks]))
