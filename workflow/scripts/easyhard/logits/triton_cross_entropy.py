"""Triton: cross-entropy of a linear head, forward and backward, without a tokens x words array and without atomics.

The floor of a training step is told in cross_entropy.py. On an H200, N = 2,048, V = 69,830, d = 64: 73 GFLOP, 1.1 ms
in float32. Bytes: the head once for each block of tokens, from cache; its gradient once.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from easyhard.logits import triton_tiles as tiles
from easyhard.logits.triton_tiles import ABSENT, LOG2_E  # by name: so they count in Triton's cache keys


def forward(
    hidden: Tensor, head: Tensor, targets: Tensor, with_expected: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses, the largest logit, sum exp(z - largest), each (tokens,), and sum_v p_v w_v (tokens, dim) if asked for.

    hidden (tokens, dim) and head (words, dim) share one float type, dim at most 128; results are float32.
    """
    hidden, head = tiles.loadable(hidden), tiles.loadable(head)
    tokens, words, dim = len(hidden), len(head), hidden.shape[1]
    tile = _tile(hidden)
    span, splits = tiles.split_words(hidden, words, tile)
    figures = hidden.new_empty(2, splits, tokens, dtype=torch.float32)
    sums = hidden.new_empty(splits, tokens, dim, dtype=torch.float32) if with_expected else None
    _forward_kernel[(triton.cdiv(tokens, tile.tokens) * splits,)](
        hidden, head, *figures, sums, tokens=tokens, words=words, span=span, splits=splits, **_launch(tile, hidden)
    )
    peak = figures[0].amax(0)
    shrink = (figures[0] - peak).exp()  # (splits, tokens)
    total = (figures[1] * shrink).sum(0)
    own = tiles.target_logits(hidden, head, targets, tile)
    expected = hidden.new_empty(tokens, 0, dtype=torch.float32)
    if sums is not None:
        expected = (sums * shrink[:, :, None]).sum(0) / total[:, None]
    return total.log() - (own - peak), peak, total, expected


def grad_head(
    hidden: Tensor, head: Tensor, targets: Tensor, peak: Tensor, total: Tensor, grad_losses: Tensor
) -> Tensor:
    """sum_n g_n (p_nv - 1[target_n = v]) h_n: (words, dim), from what `forward` gave and g (tokens,)."""
    dtype = head.dtype
    hidden, head = tiles.loadable(hidden), tiles.loadable(head)
    tile = _tile(hidden)
    gradient, grad = torch.empty_like(head), grad_losses.float().contiguous()
    _grad_head_kernel[(triton.cdiv(len(head), tile.tokens),)](
        hidden, head, targets, peak, grad, grad / total, gradient, tokens=len(hidden), words=len(head),
        **_launch(tile, hidden),
    )  # fmt: skip
    return gradient.to(dtype)


def _tile(hidden: Tensor) -> tiles.Tile:
    """`tokens` are a program's own rows (words, for the head's gradient), `words` the columns that it walks over."""
    dim = hidden.shape[1]
    if tiles.INTERPRETED:
        return tiles.Tile(dim, "ieee", tokens=32, words=32, dims=_wide(dim), axis=1, warps=4, stages=1)
    if hidden.dtype == torch.float32:
        return tiles.Tile(dim, "ieee", tokens=64, words=32, dims=16, axis=1, warps=4, stages=2)
    return tiles.Tile(dim, "ieee", tokens=64, words=64, dims=min(_wide(dim), 128), axis=1, warps=4, stages=2)


def _wide(dim: int) -> int:
    """dim, filled up to what a kernel's block may have."""
    return max(16, triton.next_power_of_2(dim))


def _launch(tile: tiles.Tile, hidden: Tensor) -> dict[str, Any]:
    """16-bit states are exact in tf32; beside them the probabilities are rounded to 11 bits, and keep their range."""
    precision = "ieee" if hidden.dtype == torch.float32 else "tf32"
    return {"WIDE": _wide(tile.dim), "SUM_PRECISION": precision, **tile.launch}


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
    WIDE: tl.constexpr,
    SUM_PRECISION: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """Largest logit, sum of exponentials and sum exp(z - largest) w: one block of tokens, one split of the words."""
    split = tl.program_id(0) % splits
    rows = tl.program_id(0) // splits * TILE.tokens + tl.arange(0, TILE.tokens)
    states = tiles.block(hidden, rows, tokens, 0, TILE.dim, TILE.dims)
    peak = tl.full((TILE.tokens,), ABSENT, tl.float32)
    total = tl.full((TILE.tokens,), 0, tl.float32)
    sums = tl.full((TILE.tokens, WIDE), 0, tl.float32)
    for start in range(split * span, tl.minimum((split + 1) * span, words), TILE.words):
        columns = start + tl.arange(0, TILE.words)
        z = tiles.products(hidden, head, rows, columns, tokens, words, states, TILE)
        z = tiles.finish(z, None, columns, words, TILE.axis)
        raised = tl.maximum(peak, tl.max(z, 1))
        shrink = tl.exp2((peak - raised) * LOG2_E)
        e = tl.exp2((z - raised[:, None]) * LOG2_E)
        total = total * shrink + tl.sum(e, 1)
        peak = raised
        if sums_out is not None:
            w = tiles.block(head, columns, words, 0, TILE.dim, WIDE).to(tl.float32)
            sums = tl.dot(tiles.rounded(e, SUM_PRECISION), w, sums * shrink[:, None], input_precision=SUM_PRECISION)
    at = split.to(tl.int64) * tokens + rows
    tl.store(peak_out + at, peak, mask=rows < tokens)
    tl.store(total_out + at, total, mask=rows < tokens)
    if sums_out is not None:
        dims = tl.arange(0, WIDE)
        inside = (rows < tokens)[:, None] & (dims < TILE.dim)[None, :]
        tl.store(sums_out + at[:, None] * TILE.dim + dims[None, :], sums, mask=inside)


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
    WIDE: tl.constexpr,
    SUM_PRECISION: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """The gradient of one block of words, which walks over all tokens: words are its rows, tokens its columns."""
    rows = tl.program_id(0) * TILE.tokens + tl.arange(0, TILE.tokens)  # words
    own = tiles.block(head, rows, words, 0, TILE.dim, TILE.dims)
    gradient = tl.full((TILE.tokens, WIDE), 0, tl.float32)
    for start in range(0, tokens, TILE.words):
        columns = start + tl.arange(0, TILE.words)  # tokens
        real = columns < tokens
        z = tiles.products(head, hidden, rows, columns, words, tokens, own, TILE)
        peak = tl.load(peak_in + columns, mask=real, other=0.0)
        grad = tl.load(grad_in + columns, mask=real, other=0.0)
        scale = tl.load(scale_in + columns, mask=real, other=0.0)
        target = tl.load(targets + columns, mask=real, other=-1)
        pull = tl.exp2((z - peak[None, :]) * LOG2_E) * scale[None, :]
        pull -= tl.where(rows[:, None] == target[None, :], grad[None, :], 0.0)
        h = tiles.block(hidden, columns, tokens, 0, TILE.dim, WIDE).to(tl.float32)
        gradient = tl.dot(tiles.rounded(pull, SUM_PRECISION), h, gradient, input_precision=SUM_PRECISION)
    dims = tl.arange(0, WIDE)
    places = rows.to(tl.int64)[:, None] * TILE.dim + dims[None, :]
    tl.store(out + places, gradient.to(out.dtype.element_ty), mask=(rows < words)[:, None] & (dims < TILE.dim)[None, :])
