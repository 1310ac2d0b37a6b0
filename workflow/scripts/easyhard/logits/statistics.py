"""Statistics of every token's logits, by interchangeable implementations behind one call."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits import tiled
from easyhard.logits.arguments import check_states, check_targets
from easyhard.logits.request import NOT_SCALED, Request, Scaled
from easyhard.logits.trust import Trust, largest_difference

Implementation = Literal["auto", "tiled", "triton", "triton_tf32x3", "triton_tf32", "triton_bf16"]
Gather = Callable[[Tensor, Tensor, Tensor | None, Request], dict[str, Tensor]]
SAMPLED = ("log_sum_exp", "max_logit", "max_minus_mean", "margin", "entropy", "target_logit")


def _triton(
    precision: Any, hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request
) -> dict[str, Tensor]:
    """The kernels by a precision; imported when they are called, since not every machine has Triton."""
    from easyhard.logits import triton_statistics

    return triton_statistics.gather(hidden, head, targets, request, precision)


def _disagreement(hidden: Tensor, head: Tensor, targets: Tensor) -> float:
    request = Request(SAMPLED)
    ours, theirs = (gather(hidden, head, targets, request) for gather in (partial(_triton, "ieee"), tiled.gather))
    return largest_difference([ours[name] for name in SAMPLED], [theirs[name] for name in SAMPLED])


_trusted = Trust("logit statistics", _disagreement)


def is_tiled(hidden: Tensor, implementation: str) -> bool:
    """Whether `implementation` does hidden states like these in tiles of PyTorch, not by Triton."""
    return implementation == "tiled" or (implementation == "auto" and not _trusted(hidden))


def _auto(hidden: Tensor, head: Tensor, targets: Tensor | None, request: Request) -> dict[str, Tensor]:
    return IMPLEMENTATIONS["tiled" if is_tiled(hidden, "auto") else "triton"](hidden, head, targets, request)


IMPLEMENTATIONS: dict[str, Gather] = {
    "auto": _auto,
    "tiled": tiled.gather,
    "triton": partial(_triton, "ieee"),
    **{f"triton_{precision}": partial(_triton, precision) for precision in ("tf32x3", "tf32", "bf16")},
}


def logit_statistics(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor | None = None,
    *,
    statistics: Sequence[str],
    softcap: float | None = None,
    top_k: int = 2,
    tail_thresholds: Sequence[float] = (3.0,),
    scaled: Scaled | None = None,
    implementation: Implementation = "auto",
) -> dict[str, Tensor]:
    """Per token, what the plain code below gives, in one walk over the vocabulary and without a (tokens, words) array.

        z = hidden @ head.T                                   # (tokens, words)
        z = softcap * tanh(z / softcap)                       # where a softcap is given
        p = softmax(z)

    hidden (tokens, dim) and head (words, dim) share one float type; targets (tokens,) are int64. Only what `statistics`
    names is computed; values are (tokens,) float32 (float64 for float64 inputs) unless said otherwise, logs in nats:

        log_sum_exp         log sum exp z                     mean_logit          mean z
        max_logit           z1, the largest z                 max_minus_mean      z1 - mean z
        margin              z1 - z2                           logit_std           standard deviation of z (population)
        max_probability     p1                                argmax              word of z1, int64
        entropy             - sum p log p                     top_logits          (tokens, top_k), falling
        renyi2              - log sum p^2                     tail_mass           (tokens, thresholds)
        target_logit, target_probability, loss = -log p_target

    tail_mass at each of `tail_thresholds`, nats: sum of the p below e^-threshold. top_k: 2 to 32. `scaled` asks for
    statistics of z / temperature too, in the same walk: scaled_entropy is that of the entropy.

    Ties: margin is 0 among equal logits; which of them argmax names is open. Logits that differ by rounding alone count
    as tied. A vocabulary of one word has margin inf. The same bits for any number of threads.

    implementation: "tiled" (PyTorch), "triton" (CUDA, products in full float32; with _tf32x3, _tf32 or _bf16 of rounded
    states and head: faster, less exact), or "auto", the fastest that is exact: Triton on a GPU where a sample agrees
    with the tiled code, else tiled. Raises InputError naming the wrong argument.
    """
    request = Request(tuple(statistics), softcap, top_k, tuple(tail_thresholds), scaled or NOT_SCALED)
    check_states(hidden, head)
    if targets is not None:
        check_targets(targets, len(hidden), len(head))
    request.check(len(head), targets)
    if implementation not in IMPLEMENTATIONS:
        raise InputError(f"implementation: {implementation!r}; one of {', '.join(IMPLEMENTATIONS)} is wanted")
    with torch.no_grad():
        return IMPLEMENTATIONS[implementation](hidden.contiguous(), head.contiguous(), targets, request)
