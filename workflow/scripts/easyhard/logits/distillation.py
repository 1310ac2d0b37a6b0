"""The translated head: what an exit says once a learnt affine map has brought its states nearer to the last exit's.

Tuned lens, Belrose et al., arXiv:2303.08112. A token of a step costs two products with the head, logits and gradient,
and four under a softcap, where the last exit's have to be made again; no (tokens, words) array is held.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from easyhard.errors import InputError
from easyhard.logits.arguments import check_states, largest_norm
from easyhard.logits.cross_entropy import linear_cross_entropy
from easyhard.logits.softcap import capped
from easyhard.logits.statistics import logit_statistics
from easyhard.logits.tiles import LOWEST, compute_dtype, each, product, shift_to_peak, spans, tile_shape

logger = logging.getLogger("easyhard")

Translator = tuple[Tensor, Tensor]  # A (dim, dim) and b (dim,)
Divergence = Callable[[Tensor, Tensor], Tensor]  # of states (rows, dim) and the tokens (rows,) they are of


def translated(raw: Tensor, translator: Translator) -> Tensor:
    """h + A h + b for each raw state h (tokens, dim)."""
    matrix, shift = translator
    return torch.addmm(raw + shift, raw, matrix.T)


def fit_translators(
    raw: Mapping[int, Tensor],
    last: Tensor,
    seen: Callable[[Tensor], Tensor],
    head: Tensor,
    *,
    softcap: float | None = None,
    settings: Mapping[str, Any],
    seed: int,
) -> dict[int, Translator]:
    """For each exit the A (d, d) and b (d,) with the lowest mean KL(p_L || p_l), in nats, over tokens:

        z_l = head @ seen(h_l + A h_l + b), p_l = softmax(z_l)      # or softmax(softcap tanh(z_l / softcap))
        z_L = head @ last, p_L = softmax(z_L)

    raw[l] (tokens, d) are the states h_l after layer l, last (tokens, dim) what the head (words, dim) sees at exit L of
    the same tokens, seen(states) what it sees of raw states: norm and bias coordinate, differentiable.

    Adam from A = 0, b = 0, in batches that `seed` shuffles; an exit's result does not depend on which others are asked
    for. The last `held_back` of the tokens, a share, are not learnt from: after each epoch the divergence there is
    measured, `patience` epochs without a new lowest end the fit, and the lowest's A and b are returned, those of the
    start included. So give tokens in the order of their documents, or neighbours are on both sides. `settings`
    has learning_rate, batch_size, max_epochs, patience and held_back.

    Computed in float32 (float64 for a float64 head), on the CPU an exit a thread: the same bits for any number of them.
    Holds beside its inputs one float32 state a token (under a softcap two numbers) and tiles. Raises InputError naming
    the argument that is wrong, the learning rate where a fit diverges.
    """
    dtype = compute_dtype(head.dtype)
    last, head = last.to(dtype).contiguous(), head.to(dtype).contiguous()
    for number, states in raw.items():
        if states.dim() != 2 or len(states) != len(last):
            raise InputError(f"raw: exit {number} has shape {tuple(states.shape)}; ({len(last)}, dim) is wanted")
        largest_norm("raw", states)
    largest_norm("last", last)
    learnt = len(last) - round(settings["held_back"] * len(last))
    if not 0 < learnt < len(last):
        raise InputError(f"held_back: {settings['held_back']} of {len(last)} tokens; a part, and not all, is wanted")
    divergence = divergence_from(last, head, softcap)

    def fit(number: int) -> Translator:
        return _fit(number, raw[number].to(dtype), seen, divergence, learnt, settings, seed)

    return dict(zip(raw, each(fit, raw, head.device), strict=True))


@torch.enable_grad()
def _fit(
    number: int,
    states: Tensor,
    seen: Callable[[Tensor], Tensor],
    divergence: Divergence,
    learnt: int,
    settings: Mapping[str, Any],
    seed: int,
) -> Translator:
    """The translator of exit `number`, learnt from the first `learnt` of its states (tokens, dim)."""
    dim = states.shape[1]
    translator = (states.new_zeros(dim, dim).requires_grad_(), states.new_zeros(dim).requires_grad_())
    optimizer = torch.optim.Adam(translator, lr=settings["learning_rate"])

    def mean(rows: Tensor) -> Tensor:
        hidden = seen(translated(states[rows], translator)).to(states.dtype)
        if not torch.isfinite(hidden).all():
            raise InputError(
                f"learning_rate: {settings['learning_rate']}, with which the states of exit {number} have grown out of "
                "their type; a lower one is wanted"
            )
        return divergence(hidden, rows).mean()

    @torch.no_grad()
    def held_back() -> float:
        rows = torch.arange(learnt, len(states), device=states.device)
        total = sum(float(mean(batch)) * len(batch) for batch in rows.split(settings["batch_size"]))
        return total / len(rows)

    values, best, best_epoch = [held_back()], _copied(translator), 0
    while len(values) <= settings["max_epochs"] and len(values) - 1 - best_epoch < settings["patience"]:
        epoch = len(values)
        order = torch.from_numpy(np.random.default_rng([seed, number, epoch]).permutation(learnt))
        for batch in order.to(states.device).split(settings["batch_size"]):
            optimizer.zero_grad(set_to_none=True)
            mean(batch).backward()
            optimizer.step()
        values.append(held_back())
        if values[-1] < values[best_epoch]:
            best, best_epoch = _copied(translator), epoch
    logger.info(
        "translator of exit %d: %.4f nats from the last exit on tokens held back, %.4f before; epoch %d of %d",
        number,
        values[best_epoch],
        values[0],
        best_epoch,
        len(values) - 1,
    )
    return best


def _copied(translator: Translator) -> Translator:
    matrix, shift = translator
    return matrix.detach().clone(), shift.detach().clone()


def divergence_from(last: Tensor, head: Tensor, softcap: float | None = None) -> Divergence:
    """The function (hidden, rows) -> KL(p_L || p) in nats (rows,), with gradients to hidden alone:

        p_L = softmax(last[rows] @ head.T), p = softmax(hidden @ head.T)      # of capped logits, where there is a cap

    last (tokens, dim) and head (words, dim) share a type, float32 or float64; hidden (rows, dim), of the same, has the
    states of the tokens rows (rows,), int64. Values near 0 may be negative by rounding.
    """
    return _uncapped(last, head) if softcap is None else _capped(last, head, softcap)


def _uncapped(last: Tensor, head: Tensor) -> Divergence:
    """Log-sum-exp less a word's logit is the cross-entropy f, convex in h; KL is what a tangent at h_L leaves of it:

    KL(p_L || p) = f(h) - f(h_L) - f'(h_L).(h - h_L). Any word would do; the likeliest keeps f and f' small.
    """
    words = logit_statistics(last, head, statistics=("argmax",))["argmax"]
    with torch.enable_grad():
        states = last.detach().requires_grad_()
        losses = linear_cross_entropy(states, head, words, reduction="none")
        (slopes,) = torch.autograd.grad(losses.sum(), states)
    losses = losses.detach()

    def divergence(hidden: Tensor, rows: Tensor) -> Tensor:
        loss = linear_cross_entropy(hidden, head, words[rows], reduction="none")
        return loss - losses[rows] - ((hidden - last[rows]) * slopes[rows]).sum(1)

    return divergence


def _capped(last: Tensor, head: Tensor, softcap: float) -> Divergence:
    found = logit_statistics(last, head, statistics=("log_sum_exp", "entropy"), softcap=softcap)
    log_sum, entropy = found["log_sum_exp"], found["entropy"]

    def divergence(hidden: Tensor, rows: Tensor) -> Tensor:
        given = last[rows], log_sum[rows], entropy[rows]
        return _CappedDivergence.apply(hidden, head, *given, softcap)  # type: ignore[no-untyped-call]

    return divergence


class _CappedDivergence(torch.autograd.Function):
    """KL(p_L || p) = log sum exp z - sum p_L z - H(p_L) of capped logits z; its gradient is sum (p - p_L) z' w."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, last: Tensor, log_sum: Tensor, entropy: Tensor, softcap: float
    ) -> Tensor:
        check_states(hidden, head)
        one_tile = partial(_one_tile, head=head, softcap=softcap, with_gradient=ctx.needs_input_grad[0])
        tiles = spans(len(hidden), tile_shape(hidden.device).tokens)
        given = [(hidden[tile].contiguous(), last[tile], log_sum[tile]) for tile in tiles]
        parts = list(each(lambda tile: one_tile(*tile), given, hidden.device))
        values, gradient = (torch.cat(part) for part in zip(*parts, strict=True))
        ctx.save_for_backward(gradient)
        return values - entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_values: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_values[:, None], None, None, None, None, None


def _one_tile(
    hidden: Tensor, last: Tensor, log_sum: Tensor, *, head: Tensor, softcap: float, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """Cross-entropies -sum p_L log p (tokens,), and their gradients (tokens, dim), for one tile of tokens."""
    peak, total, mean = hidden.new_full((len(hidden),), LOWEST), *hidden.new_zeros(2, len(hidden))
    pull, push = hidden.new_zeros(2, *hidden.shape)  # sum exp(z - peak) z' w, sum p_L z' w
    for words in spans(len(head), tile_shape(hidden.device).words):
        w = head[words]
        z = capped(product(hidden, w), softcap)  # (tokens, tile words)
        p_last = capped(product(last, w), softcap).sub_(log_sum[:, None]).exp_()
        mean.add_((p_last * z).sum(1))
        shifted, drop = shift_to_peak(z, peak)
        e, shrink = shifted.exp2_(), drop.exp2()
        total.mul_(shrink).add_(e.sum(1))
        if with_gradient:
            slope = z.mul_(1 / softcap).square_().neg_().add_(1)  # of the cap
            pull.mul_(shrink[:, None]).add_(product(e.mul_(slope), w.t()))
            push.add_(product(p_last.mul_(slope), w.t()))
    return peak + total.log() - mean, pull / total[:, None] - push
