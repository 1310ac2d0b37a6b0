"""Triton: the statistics of every rank's logits in one sweep, a tile of them growing rank by rank on chip.

Floor per logit, ranks r up to R below d, and d itself: 2 (R + d) operations for the products, and for each rank an
exponential and some 9 operations for shift, maximum, second and sums. On an H200, N = 65,536, V = 69,830, ranks
1, 2, 5, 10, 20, 32, 64: 879 GFLOP of products, 13 ms in float32; 7 NV exponentials, 8.7 ms, beside them.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from collections.abc import Sequence
from dataclasses import replace

import torch
import triton
import triton.language as tl
from torch import Tensor

from easyhard.logits import triton_tiles as tiles
from easyhard.logits.formulas import Gathered
from easyhard.logits.triton_tiles import ABSENT, LOG2_E  # by name: so they count in Triton's cache keys

RANK_DIMS = tl.constexpr(16)  # columns that one product adds; a step of fewer is filled up with zeros
UNROLLED = tl.constexpr(64)  # columns of a step that are written out; for hundreds, compiling would take minutes


def sweep(hidden: Tensor, head: Tensor, reduced: Tensor, left: Tensor, ranks: Sequence[int]) -> list[Gathered]:
    """For each rank r: peak (the maximum), total, energy, maximum and top_logits (the two largest) of

        z_r = reduced[:, :r] @ left[:, :r].T       # (tokens, words); for r = dim: hidden @ head.T

    hidden (tokens, dim) and head (words, dim) share one float type; reduced (tokens, low) and left (words, low) are
    float32, with low at least the largest rank below dim; ranks rise. What all words' logits share beside z_r is the
    caller's to add. Beside 16-bit states the factors are multiplied in "tf32x3". Memory: 4 numbers for each token, rank
    and split of the vocabulary.
    """
    hidden, head, reduced, left = (tiles.loadable(matrix) for matrix in (hidden, head, reduced, left))
    tile = _tile(hidden)
    tokens, words = len(hidden), len(head)
    span, splits = tiles.split_words(hidden, words, tile)
    low = tuple(rank for rank in ranks if rank < tile.dim)
    out = hidden.new_empty(4, len(ranks), splits, tokens, dtype=torch.float32)
    _sweep_kernel[(triton.cdiv(tokens, tile.tokens) * splits,)](
        hidden, head, reduced, left, out, tokens=tokens, words=words, span=span, splits=splits,
        ENDS=(0, *low), LOW_STEPS=len(low), STEPS=len(ranks), LOW=left.shape[1],
        LOW_PRECISION="tf32x3" if tile.axis == 1 else "ieee", **tile.launch,
    )  # fmt: skip
    return [_over_splits(*figures) for figures in out.transpose(0, 1)]


def _tile(hidden: Tensor) -> tiles.Tile:
    """Smaller on tensor units than elsewhere: every rank keeps its own figures and its own factors on chip."""
    tile = tiles.tile_for(hidden, "ieee")
    if tile.axis == 0 or tiles.INTERPRETED:
        return replace(tile, stages=2)
    return replace(tile, tokens=64, words=64, dims=min(tile.dims, 64), warps=4, stages=2)


def _over_splits(peaks: Tensor, totals: Tensor, energies: Tensor, seconds: Tensor) -> Gathered:
    """One rank's figures (splits, tokens) over all splits."""
    gathered = tiles.merged(peaks, totals, energies)
    top = torch.cat([peaks, seconds]).topk(2, dim=0).values.T.double()
    gathered.maximum, gathered.top_logits = gathered.peak, top.masked_fill(top <= ABSENT.value, float("-inf"))
    return gathered


@triton.jit
def _columns(
    matrix: tl.tensor, rows: tl.tensor, count: tl.tensor, start: tl.tensor, end: tl.constexpr, LOW: tl.constexpr
) -> tl.tensor:
    """matrix[rows, start : min(end, start + RANK_DIMS)], filled up with zeros."""
    k = start + tl.arange(0, RANK_DIMS)
    inside = (rows < count)[:, None] & (k < end)[None, :]
    return tl.load(matrix + rows.to(tl.int64)[:, None] * LOW + k[None, :], mask=inside, other=0.0)


@triton.jit
def _raised(
    z: tl.tensor,
    reduced: tl.tensor,
    left: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    BEGIN: tl.constexpr,
    END: tl.constexpr,
    LOW: tl.constexpr,
    AXIS: tl.constexpr,
    PRECISION: tl.constexpr,
) -> tl.tensor:
    """z, of rank BEGIN, raised to rank END."""
    if END - BEGIN <= UNROLLED:
        for start in tl.static_range(BEGIN, END, RANK_DIMS):
            h = _columns(reduced, rows, tokens, start, END, LOW)
            z = tiles.add_product(z, h, _columns(left, columns, words, start, END, LOW), AXIS, PRECISION)
    else:
        for start in range(BEGIN, END, RANK_DIMS):
            h = _columns(reduced, rows, tokens, start, END, LOW)
            z = tiles.add_product(z, h, _columns(left, columns, words, start, END, LOW), AXIS, PRECISION)
    return z


@triton.jit
def _two_largest(first: tl.tensor, second: tl.tensor, other_first: tl.tensor, other_second: tl.tensor) -> tl.tensor:
    """The two largest of two pairs, each falling."""
    smaller = tl.minimum(first, other_first)
    return tl.maximum(first, other_first), tl.maximum(smaller, tl.maximum(second, other_second))


@triton.jit
def _taken_in(
    z: tl.tensor,
    beside: tl.tensor,
    words: tl.tensor,
    peak: tl.tensor,
    total: tl.tensor,
    energy: tl.tensor,
    second: tl.tensor,
    AXIS: tl.constexpr,
) -> tl.tensor:
    """Running peak, total, energy and second largest after a tile z of one rank's logits."""
    z = tl.where(beside < words, z, ABSENT)
    largest, next_one = tl.reduce((z, tl.full(z.shape, ABSENT, tl.float32)), AXIS, _two_largest)
    raised, second = _two_largest(peak, second, largest, next_one)
    drop = (peak - raised) * LOG2_E
    shrink = tl.exp2(drop)
    x = (z - tl.expand_dims(raised, AXIS)) * LOG2_E
    e = tl.exp2(x)
    energy = (energy + drop * total) * shrink + tl.sum(e * x, AXIS)
    total = total * shrink + tl.sum(e, AXIS)
    return raised, total, energy, second


@triton.jit
def _sweep_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    reduced: tl.tensor,
    left: tl.tensor,
    out: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    span: tl.tensor,
    splits: tl.tensor,
    ENDS: tl.constexpr,
    LOW_STEPS: tl.constexpr,
    STEPS: tl.constexpr,
    LOW: tl.constexpr,
    LOW_PRECISION: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """One block of tokens over one split of the words; state is a tuple of one entry a rank."""
    split = tl.program_id(0) % splits
    rows = tl.program_id(0) // splits * TILE.tokens + tl.arange(0, TILE.tokens)
    states = tiles.block(hidden, rows, tokens, 0, TILE.dim, TILE.dims)
    start_figures = (
        tl.full((TILE.tokens,), ABSENT, tl.float32),
        tl.full((TILE.tokens,), 0, tl.float32),
        tl.full((TILE.tokens,), 0, tl.float32),
        tl.full((TILE.tokens,), ABSENT, tl.float32),
    )
    figures = (start_figures,) * STEPS
    for start in range(split * span, tl.minimum((split + 1) * span, words), TILE.words):
        columns = start + tl.arange(0, TILE.words)
        beside = tl.expand_dims(columns, 1 - TILE.axis)
        z = tiles.empty_tile(TILE)
        for step in tl.static_range(STEPS):
            if step < LOW_STEPS:
                z = _raised(
                    z, reduced, left, rows, columns, tokens, words,
                    ENDS[step], ENDS[step + 1], LOW, TILE.axis, LOW_PRECISION,
                )  # fmt: skip
            else:
                z = tiles.products(hidden, head, rows, columns, tokens, words, states, TILE)
            taken_in = _taken_in(z, beside, words, *figures[0], TILE.axis)
            figures = figures[1:] + (taken_in,)  # noqa: RUF005
    for step in tl.static_range(STEPS):
        peak, total, energy, second = figures[step]
        results = (peak, total, energy / LOG2_E, second)
        for number in tl.static_range(4):  # out is (4, ranks, splits, tokens), and may have 2**31 places and more
            place = ((number * STEPS + step) * splits + split).to(tl.int64) * tokens + rows
            tl.store(out + place, results[number], mask=rows < tokens)
