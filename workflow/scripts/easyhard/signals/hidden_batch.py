"""All signals of the hidden state for a batch of tokens, beside moments of the head and of train states."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import joined
from easyhard.logits.moments import Moments, moments, pooled
from easyhard.logits.tiles import each, spans
from easyhard.signals.declare import HIDDEN_VALUES, Signal, computable, compute
from easyhard.signals.hidden import NEIGHBOURS

RIDGE = 1e-4  # of the mean variance, added to every direction, so that one that no state takes has a finite weight
HEAD_MOMENTS = ("head_mean", "head_covariance", "words")
TILE_TOKENS = 1024  # times 4,096 reference states: 16 MiB of distances at a time


@dataclass(frozen=True)
class References:
    """What train states leave for distances: mean (dim,), whitening (dim, dim), float64, and states (M, dim), float32.

    whitening A has A A^T = (Cov + ridge)^-1, so that |(h - mean) A|^2 is the squared Mahalanobis distance; the ridge is
    1e-4 times the mean variance of a dimension.
    """

    mean: Tensor
    whitening: Tensor
    states: Tensor


def fit_references(batches: Iterable[Tensor], tokens: int, *, seed: int, count: int) -> References:
    """References from train states: moments of all of them, and `count` of them drawn by `seed`.

    batches: finite states, (any number, dim) each, `tokens` of them in all; one batch is held at a time. `count` is at
    least NEIGHBOURS; with fewer states, all are taken. Raises InputError for fewer states than NEIGHBOURS.
    """
    if tokens < NEIGHBOURS:
        raise InputError(f"states: {tokens} of them; {NEIGHBOURS} up are wanted")
    wanted = torch.randperm(tokens, generator=torch.Generator().manual_seed(seed))[:count].sort().values
    drawn: list[Tensor] = []
    first = 0

    def parts() -> Iterator[Moments]:
        nonlocal first
        for batch in batches:
            own = wanted[(wanted >= first) & (wanted < first + len(batch))] - first
            drawn.append(batch[own.to(batch.device)].float())
            first += len(batch)
            if len(batch):
                yield moments(batch)

    whole = pooled(parts())
    return References(whole.mean, _whitening(whole.covariance), torch.cat(drawn))


def _whitening(covariance: Tensor) -> Tensor:
    dim = len(covariance)
    ridge = RIDGE * covariance.diagonal().mean().clamp(min=1e-30)
    factor = torch.linalg.cholesky(covariance + ridge * torch.eye(dim).to(covariance))  # L L^T
    return torch.linalg.solve_triangular(factor.T, torch.eye(dim).to(covariance), upper=True)  # L^-T


def hidden_signals(hidden: Tensor, head: Moments, references: References) -> dict[str, Tensor]:
    """Name -> (tokens,) float32 of every signal of class hidden.

    hidden (tokens, dim); head: moments of the output head's rows, `moments(head)`. The same bits for any number of
    threads. Raises InputError naming the signal that is wrong.
    """
    values = {
        **_head_values(head),
        "reference_mean": references.mean,
        "reference_whitening": references.whitening,
        "reference_states": references.states,
    }
    return _in_tiles(computable(["hidden"], {*values, *HIDDEN_VALUES}), values, hidden)


def logit_moment_signals(hidden: Tensor, head: Moments, signals: Collection[Signal] | None = None) -> dict[str, Tensor]:
    """The same of `moment_signals`, or of these of them."""
    return _in_tiles(moment_signals() if signals is None else signals, _head_values(head), hidden)


def moment_signals() -> list[Signal]:
    """Those that read the head's moments and no train states, such as std and Gaussian log-sum-exp of the logits: what
    is left at an exit, for whose states there are no references."""
    known = computable(["hidden"], {*HEAD_MOMENTS, "hidden"})
    return [entry for entry in known if not set(HEAD_MOMENTS).isdisjoint(entry.reads)]


def _head_values(head: Moments) -> dict[str, Any]:
    return dict(zip(HEAD_MOMENTS, (head.mean, head.covariance, head.count), strict=True))


def _in_tiles(signals: Collection[Signal], values: Mapping[str, Any], hidden: Tensor) -> dict[str, Tensor]:
    def one_tile(tile: slice) -> dict[str, Tensor]:
        found = compute(signals, {**values, "hidden": hidden[tile].double()}, len(hidden[tile]))
        return {name: column.float() for name, column in found.items()}

    return joined(list(each(one_tile, spans(len(hidden), TILE_TOKENS), hidden.device)))
