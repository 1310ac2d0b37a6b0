"""Triton: cross-entropy of a linear head, forward and backward, without a tokens x words array and without atomics.

Floor of a training step, N tokens, V words, d dims: four products of 2NVd operations (logits and the states' gradient
forward; logits again and the head's gradient backward) and 2NV exponentials. On an H200, N = 2,048, V = 69,830,
d = 64: 73 GFLOP, 1.1 ms in float32. Bytes: the head once for each block of tokens, from cache; its gradient once.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

import torch
import triton
import triton.language as tl
from torch import Tensor

from easyhard.logits.triton_target import target_logits
from easyhard.logits.triton_tiles import (
    ABSENT,
    INTERPRETED,
    LOG2_E,
    Precision,
    Tile,
    block,
    finish,
    loadable,
    products,
    rounded,
    split_count,
    split_words,
)


def forward(
    hidden: Tensor, head: Tensor, targets: Tensor, with_expected: bool, precision: Precision = "ieee"
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses, the largest logit, sum exp(z - largest), each (tokens,), and sum_v p_v w_v (tokens, dim) if asked for.

    hidden (tokens, dim) and head (words, dim) share one float type, dim at most 128; results are float32.
    """
    hidden, head = loadable(hidden, precision), loadable(head, precision)
    tokens, words, dim = len(hidden), len(head), hidden.shape[1]
    tile = _tile(hidden, precision)
    splits = split_count(hidden, words, tile)
    span = split_words(words, splits, tile)
    splits = triton.cdiv(words, span)
    figures = hidden.new_empty(2, splits, tokens, dtype=torch.float32)
    sums = hidden.new_empty(splits, tokens, dim, dtype=torch.float32) if with_expected else None
    shared = {"DIM": dim, "PRECISION": precision}
    _forward_kernel[(triton.cdiv(tokens, tile.tokens) * splits,)](
        hidden, head, *figures, sums, tokens=tokens, words=words, span=span, splits=splits,
        WIDE=_wide(dim), SUM_PRECISION=_sum_precision(hidden, precision), **shared, **tile.launch,
    )  # fmt: skip
    peak = figures[0].amax(0)
    shrink = (figures[0] - peak).exp()  # (splits, tokens)
    total = (figures[1] * shrink).sum(0)
    own = target_logits(hidden, head, targets, tile, {**shared, "softcap": None})
    expected = hidden.new_empty(tokens, 0, dtype=torch.float32)
    if sums is not None:
        expected = (sums * shrink[:, :, None]).sum(0) / total[:, None]
    return total.log() - (own - peak), peak, total, expected


def grad_head(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    peak: Tensor,
    total: Tensor,
    grad_losses: Tensor,
    precision: Precision = "ieee",
) -> Tensor:
    """sum_n g_n (p_nv - 1[target_n = v]) h_n: (words, dim), from what `forward` gave and g (tokens,)."""
    dtype = head.dtype
    hidden, head = loadable(hidden, precision), loadable(head, precision)
    tile = _tile(hidden, precision)
    gradient = torch.empty_like(head)
    grad = grad_losses.float().contiguous()
    _grad_head_kernel[(triton.cdiv(len(head), tile.tokens),)](
        hidden, head, targets, peak, grad, grad / total, gradient, tokens=len(hidden), words=len(head),
        DIM=hidden.shape[1], WIDE=_wide(hidden.shape[1]), PRECISION=precision,
        SUM_PRECISION=_sum_precision(hidden, precision), **tile.launch,
    )  # fmt: skip
    return gradient.to(dtype)


def _tile(hidden: Tensor, precision: Precision) -> Tile:
    """`tokens` are a program's own rows (words, for the head's gradient), `words` the columns that it walks over."""
    wide = _wide(hidden.shape[1])
    if INTERPRETED:
        return Tile(tokens=32, words=32, dims=wide, axis=1, warps=4, stages=1)
    if hidden.dtype == torch.float32 and precision == "ieee":
        return Tile(tokens=64, words=32, dims=16, axis=1, warps=4, stages=2)
    return Tile(tokens=64, words=64, dims=min(wide, 128), axis=1, warps=4, stages=2)


def _wide(dim: int) -> int:
    """dim, filled up to what a kernel's block may have."""
    return max(16, triton.next_power_of_2(dim))


def _sum_precision(hidden: Tensor, precision: Precision) -> Precision:
    """16-bit states are exact in tf32; beside them the probabilities are rounded to 11 bits, and keep their range."""
    return precision if hidden.dtype == torch.float32 else "tf32"


@triton.jit
def _forward_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    peak_out: tl.tensor,
    total_out: tl.tensor,
    sums_out: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    span: tl.tensor,
    splits: tl.tensor,
    DIM: tl.constexpr,
    WIDE: tl.constexpr,
    PRECISION: tl.constexpr,
    SUM_PRECISION: tl.constexpr,
    TOKENS: tl.constexpr,
    WORDS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    AXIS: tl.constexpr,
) -> None:
    """Largest logit, sum of exponentials and sum exp(z - largest) w: one block of tokens, one split of the words."""
    split = tl.program_id(0) % splits
    rows = tl.program_id(0) // splits * TOKENS + tl.arange(0, TOKENS)
    states = block(hidden, rows, tokens, 0, DIM, BLOCK_K)
    peak = tl.full((TOKENS,), ABSENT, tl.float32)
    total = tl.zeros((TOKENS,), tl.float32)
    sums = tl.zeros((TOKENS, WIDE), tl.float32)
    for start in range(split * span, tl.minimum((split + 1) * span, words), WORDS):
        columns = start + tl.arange(0, WORDS)
        z = products(hidden, head, rows, columns, tokens, words, states, DIM, TOKENS, WORDS, BLOCK_K, AXIS, PRECISION)
        z = finish(z, None, None, columns, words, AXIS)
        raised = tl.maximum(peak, tl.max(z, 1))
        shrink = tl.exp2((peak - raised) * LOG2_E)
        e = tl.exp2((z - raised[:, None]) * LOG2_E)
        total = total * shrink + tl.sum(e, 1)
        peak = raised
        if sums_out is not None:
            w = block(head, columns, words, 0, DIM, WIDE).to(tl.float32)
            sums = tl.dot(rounded(e, SUM_PRECISION), w, sums * shrink[:, None], input_precision=SUM_PRECISION)
    at = split.to(tl.int64) * tokens + rows
    tl.store(peak_out + at, peak, mask=rows < tokens)
    tl.store(total_out + at, total, mask=rows < tokens)
    if sums_out is not None:
        dims = tl.arange(0, WIDE)
        tl.store(
            sums_out + at[:, None] * DIM + dims[None, :], sums, mask=(rows < tokens)[:, None] & (dims < DIM)[None, :]
        )


@triton.jit
def _grad_head_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    targets: tl.tensor,
    peak_in: tl.tensor,
    grad_in: tl.tensor,
    scale_in: tl.tensor,
    out: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    DIM: tl.constexpr,
    WIDE: tl.constexpr,
    PRECISION: tl.constexpr,
    SUM_PRECISION: tl.constexpr,
    TOKENS: tl.constexpr,
    WORDS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    AXIS: tl.constexpr,
) -> None:
    """The gradient of one block of words, which walks over all tokens: words are its rows, tokens its columns."""
    rows = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)  # words
    own = block(head, rows, words, 0, DIM, BLOCK_K)
    gradient = tl.zeros((TOKENS, WIDE), tl.float32)
    for start in range(0, tokens, WORDS):
        columns = start + tl.arange(0, WORDS)  # tokens
        real = columns < tokens
        z = products(head, hidden, rows, columns, words, tokens, own, DIM, TOKENS, WORDS, BLOCK_K, AXIS, PRECISION)
        peak = tl.load(peak_in + columns, mask=real, other=0.0)
        grad = tl.load(grad_in + columns, mask=real, other=0.0)
        scale = tl.load(scale_in + columns, mask=real, other=0.0)
        target = tl.load(targets + columns, mask=real, other=-1)
        pull = tl.exp2((z - peak[None, :]) * LOG2_E) * scale[None, :]
        pull -= tl.where(rows[:, None] == target[None, :], grad[None, :], 0.0)
        h = block(hidden, columns, tokens, 0, DIM, WIDE).to(tl.float32)
        gradient = tl.dot(rounded(pull, SUM_PRECISION), h, gradient, input_precision=SUM_PRECISION)
    dims = tl.arange(0, WIDE)
    places = rows.to(tl.int64)[:, None] * DIM + dims[None, :]
    tl.store(out + places, gradient.to(out.dtype.element_ty), mask=(rows < words)[:, None] & (dims < DIM)[None, :])
