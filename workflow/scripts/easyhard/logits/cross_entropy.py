"""Cross-entropy of a linear head, forward and backward, that never holds a tokens x words array.

Floor for one training step, N tokens, V words, d dims: 4 products of 2NVd operations (logits and the states' gradient
forward, logits again and the head's gradient backward) and 2NV exponentials. Bytes are no limit: a tile stays in
cache, the head (4Vd bytes) is read once per tile of tokens.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from easyhard.errors import InputError
from easyhard.logits.arguments import check_states, check_targets, logit_bound
from easyhard.logits.tiles import (
    LOG2_E,
    LOWEST,
    SAFE_EXPONENT,
    TargetColumns,
    compute_dtype,
    each,
    product,
    shift_to_peak,
    spans,
    tile_shape,
)
from easyhard.logits.trust import Trust, largest_difference

Reduction = Literal["sum", "mean", "none"]
LARGEST_DIM = 128  # Triton's kernels keep a block of gradients on chip over all columns: registers allow no more
SERIAL_SUM = 16384  # PyTorch sums fewer than 32,768 numbers on one thread, so in one order


def linear_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor, reduction: Reduction = "sum") -> Tensor:
    """Cross-entropy in nats between softmax(hidden @ head.T) and targets, with gradients to hidden and head.

    Equal to, but in tiles and without the (tokens, words) array:

        torch.nn.functional.cross_entropy(hidden @ head.T, targets, reduction=reduction)

    hidden (tokens, dim) and head (words, dim) share one float type, targets (tokens,) are int64. Sums are kept in
    float32 (float64 for float64), gradients come back in the inputs' type. The same bits for any number of threads.
    Returns () for "sum" and "mean", (tokens,) for "none". Raises InputError naming the argument that is wrong.
    """
    losses: Tensor = _LinearCrossEntropy.apply(hidden.contiguous(), head.contiguous(), targets)  # type: ignore[no-untyped-call]
    if reduction == "none":
        return losses
    if reduction not in ("sum", "mean"):
        raise InputError(f"reduction: {reduction!r}; sum, mean or none is wanted")
    total = torch.stack([part.sum() for part in losses.split(SERIAL_SUM)]).sum()
    return total / len(losses) if reduction == "mean" else total


def per_token_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """linear_cross_entropy with reduction "none" and without gradients: one pass, (tokens,) in nats."""
    with torch.no_grad():
        return linear_cross_entropy(hidden.detach(), head.detach(), targets, reduction="none")


class _LinearCrossEntropy(torch.autograd.Function):
    """Forward keeps (tokens,) and (tokens, dim) arrays only; backward computes the logits again."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        check_states(hidden, head)
        check_targets(targets, len(hidden), len(head))
        safe = logit_bound(hidden, head) * LOG2_E < SAFE_EXPONENT
        forward, ctx.grad_head = _passes(hidden.shape[1] <= LARGEST_DIM and _trusted(hidden), safe)
        losses, peak, total, expected = forward(hidden, head, targets, ctx.needs_input_grad[0])
        ctx.save_for_backward(hidden, head, targets, peak, total, expected)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_losses: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        hidden, head, targets, peak, total, expected = ctx.saved_tensors
        grad_hidden = grad_head = None
        if ctx.needs_input_grad[0]:  # sum_v p_v w_v - w_target
            grad_hidden = (grad_losses[:, None] * (expected - head[targets])).to(hidden.dtype)
        if ctx.needs_input_grad[1]:
            grad_head = ctx.grad_head(hidden, head, targets, peak, total, grad_losses)
        return grad_hidden, grad_head, None


def _forward(
    hidden: Tensor, head: Tensor, targets: Tensor, with_expected: bool, *, safe: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses (tokens,), the shift and the sum of exponentials (tokens,), and sum_v p_v w_v (tokens, dim) if asked for.

    Each tile of tokens belongs to one thread, which walks over the whole vocabulary.
    """
    shape, dtype = tile_shape(hidden.device), compute_dtype(hidden.dtype)
    tokens, dim = hidden.shape
    losses, total = hidden.new_empty(tokens, dtype=dtype), hidden.new_zeros(tokens, dtype=dtype)
    peak = hidden.new_full((tokens,), 0.0 if safe else LOWEST, dtype=dtype)
    expected = hidden.new_zeros((tokens, dim if with_expected else 0), dtype=dtype)
    tiles_of_words = head.split(shape.words)

    def one_tile(tile: slice) -> None:
        h = hidden[tile].to(dtype) * (LOG2_E if safe else 1.0)
        target, tile_peak, tile_total, tile_expected = losses[tile], peak[tile], total[tile], expected[tile]
        own = TargetColumns(targets[tile], len(head), shape.words)
        for number, w in enumerate(tiles_of_words):
            w = w.to(dtype)
            z = product(h, w)  # (tile tokens, tile words)
            rows, inside = own.of(number)
            target[rows] = z[rows, inside]
            if not safe:
                z, drop = shift_to_peak(z, tile_peak)
                tile_total.mul_(drop.exp2())
                tile_expected.mul_(drop.exp2()[:, None])
            z.exp2_()
            tile_total.add_(z.sum(1))
            if with_expected:
                tile_expected.add_(product(z, w.t()))
        target.div_(LOG2_E if safe else 1.0).sub_(tile_peak).neg_().add_(tile_total.log())
        tile_expected.div_(tile_total[:, None])

    for _ in each(one_tile, spans(tokens, shape.tokens), hidden.device):
        pass
    return losses, peak, total, expected


def _grad_head(
    hidden: Tensor, head: Tensor, targets: Tensor, peak: Tensor, total: Tensor, grad_losses: Tensor, *, safe: bool
) -> Tensor:
    """sum_n g_n (p_nv - 1[target_n = v]) h_n: (words, dim).

    Each tile of words belongs to one thread, which walks over all tokens, so no two threads add to one row.
    """
    shape, dtype = tile_shape(hidden.device), compute_dtype(hidden.dtype)
    grad_head = torch.empty_like(head)
    h = hidden.to(dtype)
    push = h * (grad_losses / total)[:, None]  # (tokens, dim): g p h = exp2(...) push
    h = h * LOG2_E if safe else h
    tiles_of_words, gradients = head.split(shape.words), grad_head.split(shape.words)
    columns = [TargetColumns(own, len(head), shape.words) for own in targets.split(shape.tokens)]
    tiles = list(zip(*(rows.split(shape.tokens) for rows in (h, push, peak, total)), columns, strict=True))

    def one_tile(number: int) -> None:
        w = tiles_of_words[number].to(dtype)
        gradient = torch.zeros_like(w)
        for tile_h, tile_push, tile_peak, tile_total, own in tiles:
            z = product(w, tile_h)  # (tile words, tile tokens)
            if not safe:
                z.sub_(tile_peak).mul_(LOG2_E)
            p = z.exp2_()  # times total
            tokens, inside = own.of(number)
            p[inside, tokens] -= tile_total[tokens]
            gradient.add_(product(p, tile_push.t()))
        gradients[number].copy_(gradient)

    for _ in each(one_tile, range(len(tiles_of_words)), head.device):
        pass
    return grad_head


def _passes(fused: bool, safe: bool) -> tuple[Callable[..., tuple[Tensor, ...]], Callable[..., Tensor]]:
    """Forward pass and the head's gradient, tiled or by Triton, which shifts by the largest logit whatever its size."""
    if fused:
        from easyhard.logits import triton_cross_entropy

        return triton_cross_entropy.forward, triton_cross_entropy.grad_head
    return partial(_forward, safe=safe), partial(_grad_head, safe=safe)


def _disagreement(hidden: Tensor, head: Tensor, targets: Tensor) -> float:
    """Of the losses, of sum_v p_v w_v and of the head's gradient, between Triton and the tiles above."""
    found = []
    for forward, gradient in (_passes(fused, safe=False) for fused in (True, False)):
        losses, peak, total, expected = forward(hidden, head, targets, True)
        found.append([losses, expected, gradient(hidden, head, targets, peak, total, torch.ones_like(losses))])
    return largest_difference(*found)


_trusted = Trust("cross-entropy", _disagreement)
