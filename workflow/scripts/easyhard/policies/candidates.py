"""Which policies a signal may serve, and the grids of thresholds that each is tried at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from easyhard.policies.policy import EDGE, Mixture, Policy
from easyhard.policies.simulation import Grid
from easyhard.signals.catalogue import EXIT_PROBES

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]

THRESHOLDS: Final = 50
NEVER: Final = 1e30
"""A threshold that no level reaches; its negative is one that every level does."""
MISSING: Final = -np.inf
"""The level at an exit where a signal is not known: nobody leaves there."""
PATIENCE, EACH = "patience", "each"
STATE_SIGNALS: Final = ("state_cosine", "state_change", "state_norm")
"""Signals that are a formula of a token's states before and after a layer."""


def policies_of(
    signal: str, exits: Sequence[int], high_leaves: bool, *, excess: bool, confidence: bool, window: int | None
) -> list[Policy]:
    """The policies, yet without thresholds, that the signal called `signal` may serve.

    excess: it foretells the loss beyond the last exit's; confidence: it lies in 0 … 1, high for leaving; `window`: how
    many tokens the model sees, None where that is not known.
    """
    plain = Policy("one", signal, exits, high_leaves)
    if signal.rpartition("/")[2] == PATIENCE:
        return [replace(plain, kind=PATIENCE)]
    found = [replace(plain, kind="learnt" if excess else "one"), replace(plain, kind="each")]
    if confidence:
        found.append(replace(plain, kind="beta", mixtures=[]))
        if window:
            found.append(replace(plain, kind="decaying", window=window))
    return found


def can_be_taken(signal: str) -> bool:
    """Whether a signal can be read where there are a token's states alone: no words, no moments of the head."""
    return signal in EXIT_PROBES or signal in STATE_SIGNALS


def fit_mixtures(confidence: Sequence[Column], agrees: Sequence[Mask]) -> list[Mixture] | None:
    """The Beta mixture of each exit but the last, by the moments of the confidence of the tokens that agree with the
    last exit and of the others, (tokens,) an exit; None where one kind is missing or does not vary."""
    found = []
    for values, own in zip(confidence, agrees, strict=True):
        kinds = [_shape(values[mask]) for mask in (own, ~own)]
        if None in kinds:
            return None
        found.append(Mixture(float(own.mean()), *kinds))  # type: ignore[arg-type]
    return found


def _shape(values: Column) -> tuple[float, float] | None:
    """(a, b) of the Beta density that has the mean and the variance of values in 0 … 1, (tokens,)."""
    if len(values) < 2:
        return None
    mean, spread = np.clip(values.mean(), EDGE, 1 - EDGE), values.var()
    size = mean * (1 - mean) / spread - 1 if spread > 0 else 0.0
    return (float(mean * size), float((1 - mean) * size)) if size > 0 else None


def levels(policy: Policy, values: Mapping[int, Column], position: Column) -> list[Column]:
    """What is held against the thresholds of each exit but the last, (tokens,); MISSING where `values`, by layer, has
    nothing of an exit."""
    nothing = np.full(len(position), MISSING)
    return [
        policy.level(number, values[layer], position) if layer in values else nothing
        for number, layer in enumerate(policy.exits[:-1])
    ]


def grid_of(policy: Policy, on_select: Sequence[Column]) -> Grid:
    """Thresholds from strict to loose, the first passed by nobody and the last by all who have a level.

    on_select: `levels` of the select tokens. Of one threshold for all exits: quantiles of all exits' levels together;
    of `each`: the same quantile of every exit's own; of patience: every number of exits in a row.
    """
    known = [own[0] > MISSING for own in on_select]
    pooled = np.concatenate([own for own, one in zip(on_select, known, strict=True) if one])
    strict = np.linspace(1, 0, THRESHOLDS)[1:-1]
    one = np.unique(pooled)[::-1] if policy.kind == PATIENCE else np.quantile(pooled, strict)
    columns = [one] * len(on_select)
    if policy.kind == EACH:
        columns = [np.quantile(own, strict) if has else one for own, has in zip(on_select, known, strict=True)]
    ends = np.full((1, len(on_select)), NEVER)
    return np.concatenate([ends, np.stack(columns, 1), -ends])
