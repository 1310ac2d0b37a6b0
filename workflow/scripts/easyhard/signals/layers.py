"""Signals at an exit of a model: what its layer changed, and what the exits before said.

High means easy where a high value is to say that a token may leave.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from easyhard.signals.declare import HERE, Signal, computable, compute, signal

if TYPE_CHECKING:  # as in head.py
    from torch import Tensor

CALM = "CALM, Schuster et al., arXiv:2207.07061"
PABEE = "PABEE, Zhou et al., arXiv:2006.04152"
TINY = 1e-30  # in place of the norm of a state that is 0


def layer_signals(state: Tensor, before: Tensor | None, signals: Collection[Signal] | None = None) -> dict[str, Tensor]:
    """Name -> (tokens,) float32 of every signal of class layers, or of these.

    state and before, (tokens, dim) of any float type: h_l at the exit and h_{l−1}, as the layers give them; what reads
    `before` is left out without it. Raises InputError naming a signal that is wrong.
    """
    values = {"state": state.double()} | ({} if before is None else {"before": before.double()})
    found = compute(computable(["layers"], values) if signals is None else signals, values, len(state))
    return {name: column.float() for name, column in found.items()}


def exit_change_signals(argmax: Sequence[Tensor], kl_before: Tensor | None = None) -> dict[str, Tensor]:
    """Name -> (tokens,) float32 of every signal that compares an exit with those before it; none at the first exit.

    argmax: the most probable words, (tokens,) integers, at each exit up to this one; kl_before (tokens,): KL(p_l ‖ p of
    the exit before), nats; what reads it is left out without it. Raises InputError naming a signal that is wrong.
    """
    if len(argmax) < 2:
        return {}
    values: dict[str, Any] = {"first_choices": argmax}
    if kl_before is not None:
        values["kl_before"] = kl_before
    found = compute(computable(["head"], values), values, len(argmax[-1]))
    return {name: column.float() for name, column in found.items()}


@signal(
    title="saturation cosine",
    formula="cos(h_l, h_{l−1})",
    high_means_easy=True,
    source=CALM,
    multiply_adds=lambda sizes: 3 * sizes.dim,
)
def state_cosine(state: Tensor, before: Tensor) -> Tensor:
    norms = state.norm(dim=1) * before.norm(dim=1)
    return (state * before).sum(1) / norms.clamp(min=TINY)


@signal(
    title="change of the state",
    formula="‖h_l − h_{l−1}‖ / ‖h_l‖",
    high_means_easy=False,
    source=HERE,
    multiply_adds=lambda sizes: 2 * sizes.dim,
)
def state_change(state: Tensor, before: Tensor) -> Tensor:
    return (state - before).norm(dim=1) / state.norm(dim=1).clamp(min=TINY)


@signal(
    title="norm of the state at the exit",
    formula="‖h_l‖₂, before any norm",
    high_means_easy=None,  # as for hidden_norm
    source=HERE,
    multiply_adds=lambda sizes: sizes.dim,
)
def state_norm(state: Tensor) -> Tensor:
    return state.norm(dim=1)


@signal(
    title="same first choice",
    formula="argmax z_l = argmax z of the exit before",
    high_means_easy=True,
    source=PABEE,
)
def same_argmax(first_choices: Sequence[Tensor]) -> Tensor:
    return first_choices[-1] == first_choices[-2]


@signal(
    title="patience",
    formula="for how many exits in a row the first choice is that of the exit before",
    high_means_easy=True,
    source=PABEE,
)
def patience(first_choices: Sequence[Tensor]) -> Tensor:
    count = first_choices[0] * 0
    for before, here in pairwise(first_choices):
        count = (count + 1) * (here == before)
    return count


@signal(
    title="KL to the exit before",
    formula="KL(p_l ‖ p of the exit before)",
    high_means_easy=False,
    source="after DoLa, Chuang et al., arXiv:2309.03883, who take the Jensen–Shannon divergence",
)
def kl_before(kl_before: Tensor) -> Tensor:
    return kl_before
