"""A tile of logits as Triton programs make it, how large it is, and how many programs share one vocabulary.

On an H200 float32 products run on the ordinary units (66.9 TFLOP/s), which leave each thread 4 tokens and many
words: words go along axis 0, so that sums over words stay inside a thread. Tensor units (tf32 494, bf16 989 TFLOP/s)
leave each thread 2 tokens and a stretch of words along axis 1. Tiles are looked up, not timed: timing would choose,
from run to run, tiles that add in another order, and with them other bits.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
import triton
import triton.language as tl
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.formulas import Gathered

Precision = Literal["ieee", "tf32x3", "tf32", "bf16"]
TRITON_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
INTERPRETED = bool(triton.knobs.runtime.interpret)  # programs run one by one in NumPy, on any machine
TARGET_TILE = 32 if INTERPRETED else 64
WHOLE_BYTES = 256  # up to this length of one state, a tile's states stay on chip as one block
RESIDENT_BYTES = 16 << 20  # states that programs at work may hold between them, a third of the cache

LOG2_E = tl.constexpr(1.4426950408889634)
LOWEST = tl.constexpr(-1e30)  # finite, so that its differences are numbers, and exp2 of them 0
ABSENT = tl.constexpr(-2e30)  # beyond the vocabulary
TF32_HALF = tl.constexpr(1 << 12)  # half a unit in tf32's last place, in float32's bits
TF32_KEPT = tl.constexpr(~((1 << 13) - 1))  # the bits of float32 that tf32 has


@dataclass(frozen=True)
class Tile:
    """What one program holds at a time: `words` logits for each of `tokens`, from `dims` of `dim` columns at once."""

    dim: int
    precision: Precision
    tokens: int
    words: int
    dims: int
    axis: int  # along which words lie
    warps: int
    stages: int  # of loads in flight

    @property
    def launch(self) -> dict[str, Any]:
        """As a kernel takes it."""
        return {"TILE": self, "num_warps": self.warps, "num_stages": self.stages}


def tile_for(hidden: Tensor, precision: Precision) -> Tile:
    """The tile for hidden (tokens, dim) of this type, dim and precision of the product."""
    dim = hidden.shape[1]
    tile = partial(Tile, dim, precision)
    if INTERPRETED:
        return tile(tokens=32, words=32, dims=32, axis=1, warps=4, stages=1)
    if hidden.dtype == torch.float32 and precision == "ieee":
        return tile(tokens=64, words=64, dims=16, axis=0, warps=4, stages=3)
    if dim * hidden.element_size() <= WHOLE_BYTES:
        return tile(tokens=128, words=128, dims=max(16, triton.next_power_of_2(dim)), axis=1, warps=8, stages=3)
    if hidden.dtype == torch.float32:
        return tile(tokens=128, words=128, dims=32, axis=1, warps=8, stages=3)
    return tile(tokens=128, words=256, dims=64, axis=1, warps=8, stages=3)


def split_count(hidden: Tensor, words: int, tile: Tile) -> int:
    """Among how many programs the words of one block of tokens are split.

    Enough to give every multiprocessor two programs, and to keep the states of all programs at work in the cache; never
    fewer than 8 tiles each.
    """
    if INTERPRETED:
        return 3
    processors = torch.cuda.get_device_properties(hidden.device).multi_processor_count
    blocks = triton.cdiv(len(hidden), tile.tokens)
    resident = processors * tile.tokens * hidden.shape[1] * hidden.element_size()
    wanted = max(triton.cdiv(2 * processors, blocks), triton.cdiv(resident, RESIDENT_BYTES))
    return max(1, min(wanted, words // (8 * tile.words)))


def split_words(hidden: Tensor, words: int, tile: Tile) -> tuple[int, int]:
    """Words of one split, a multiple of the tile's, and the number of splits."""
    span = triton.cdiv(triton.cdiv(words, split_count(hidden, words, tile)), tile.words) * tile.words
    return span, triton.cdiv(words, span)


def merged(
    peaks: Tensor, totals: Tensor | None, energies: Tensor | None = None, collisions: Tensor | None = None
) -> Gathered:
    """What the splits leave, (splits, tokens) each, as one: every sum is relative to its split's peak."""
    peak = peaks.amax(0)
    drop = peaks - peak
    shrink = drop.exp()
    gathered = Gathered(peak=peak)
    if totals is not None:
        gathered.total = (totals * shrink).sum(0)
        if energies is not None:
            gathered.energy = ((energies + drop * totals) * shrink).sum(0)
    if collisions is not None:
        gathered.collision = (collisions * shrink.square()).sum(0)
    return gathered


def loadable(matrix: Tensor, precision: Precision = "ieee") -> Tensor:
    """`matrix` as kernels take it for products of this precision: contiguous, and rounded to tf32 for "tf32".

    Raises InputError for float64, or tensors that no Triton kernel can reach.
    """
    if matrix.dtype not in TRITON_DTYPES:
        raise InputError(f"implementation: triton, for {matrix.dtype}; it takes float32, bfloat16 and float16")
    if not (matrix.is_cuda or INTERPRETED):
        raise InputError(f"implementation: triton, on {matrix.device}; it wants a CUDA device, or TRITON_INTERPRET=1")
    if INTERPRETED and matrix.dtype == torch.bfloat16:
        return matrix.float()  # NumPy has no bfloat16; products of its numbers are exact in float32
    matrix = matrix.contiguous()
    return nearest_tf32(matrix) if precision == "tf32" and matrix.dtype == torch.float32 else matrix


def nearest_tf32(matrix: Tensor) -> Tensor:
    """float32 rounded to tf32's 10 bits of mantissa, to nearest, ties away from zero, as PTX's cvt.rna does.

    Tensor units drop the lower 13 bits of what they are given, and Triton leaves it to them: rounding before halves the
    largest error and takes away the bias towards zero.
    """
    return ((matrix.view(torch.int32) + TF32_HALF.value) & TF32_KEPT.value).view(torch.float32)


@triton.jit
def block(
    matrix: tl.tensor, rows: tl.tensor, count: tl.tensor, start: tl.tensor, DIM: tl.constexpr, BLOCK_K: tl.constexpr
) -> tl.tensor:
    """matrix[rows, start : start + BLOCK_K], 0 beyond its `count` rows and DIM columns."""
    k = start + tl.arange(0, BLOCK_K)
    inside = ((rows >= 0) & (rows < count))[:, None] & (k < DIM)[None, :]
    return tl.load(matrix + rows.to(tl.int64)[:, None] * DIM + k[None, :], mask=inside, other=0.0)


@triton.jit
def rounded(x: tl.tensor, PRECISION: tl.constexpr) -> tl.tensor:
    """nearest_tf32 of what a kernel has made itself, where it goes into a "tf32" product."""
    if PRECISION == "tf32":
        bits = x.to(tl.int32, bitcast=True)
        x = ((bits + TF32_HALF) & TF32_KEPT).to(tl.float32, bitcast=True)
    return x


@triton.jit
def add_product(
    z: tl.tensor, states: tl.tensor, words: tl.tensor, AXIS: tl.constexpr, PRECISION: tl.constexpr
) -> tl.tensor:
    """z + states @ words^T, laid out with words along AXIS."""
    if AXIS == 1:
        z = tl.dot(states, tl.trans(words), z, input_precision=PRECISION)
    else:
        z = tl.dot(words, tl.trans(states), z, input_precision=PRECISION)
    return z


@triton.jit
def empty_tile(TILE: tl.constexpr) -> tl.tensor:
    """Zeros for each token and word of a tile."""
    return tl.full((TILE.tokens, TILE.words) if TILE.axis == 1 else (TILE.words, TILE.tokens), 0, tl.float32)


@triton.jit
def products(
    hidden: tl.tensor,
    head: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    states: tl.tensor,
    TILE: tl.constexpr,
) -> tl.tensor:
    """h.w of hidden[rows] and head[columns]; `states` are hidden[rows, : TILE.dims], already on chip."""
    z = empty_tile(TILE)
    if TILE.dims >= TILE.dim:
        w = block(head, columns, words, 0, TILE.dim, TILE.dims)
        z = add_product(z, states, w, TILE.axis, TILE.precision)
    else:
        for start in range(0, TILE.dim, TILE.dims):
            h = block(hidden, rows, tokens, start, TILE.dim, TILE.dims)
            w = block(head, columns, words, start, TILE.dim, TILE.dims)
            z = add_product(z, h, w, TILE.axis, TILE.precision)
    return z


@triton.jit
def tanh(x: tl.tensor) -> tl.tensor:
    """To a few units in the last place: a series near 0, where 1 - 2 / (1 + exp 2x) would cancel."""
    square = x * x
    series = x * (1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835)))))
    away = 1 - 2 / (1 + tl.exp(2 * tl.abs(x)))
    return tl.where(tl.abs(x) < 0.25, series, tl.where(x < 0, -away, away))


@triton.jit
def finish(z: tl.tensor, softcap: tl.tensor, columns: tl.tensor, words: tl.tensor, AXIS: tl.constexpr) -> tl.tensor:
    """Logits of products: softly capped where a cap is given, ABSENT beyond the vocabulary."""
    if softcap is not None:
        z = softcap * tanh(z / softcap)
    return tl.where(tl.expand_dims(columns, 1 - AXIS) < words, z, ABSENT)


def target_logits(hidden: Tensor, head: Tensor, targets: Tensor, tile: Tile, softcap: float | None = None) -> Tensor:
    """(tokens,) float32: each target's logit, with the very rounding that a pass over the vocabulary gives it."""
    out = hidden.new_empty(len(hidden), dtype=torch.float32)
    size = min(TARGET_TILE, tile.tokens, tile.words)
    _target_kernel[(triton.cdiv(len(hidden), size),)](
        hidden, head, targets, out, tokens=len(hidden), words=len(head), softcap=softcap,
        **replace(tile, tokens=size, words=size).launch,
    )  # fmt: skip
    return out


@triton.jit
def _target_kernel(
    hidden: tl.tensor,
    head: tl.tensor,
    targets: tl.tensor,
    out: tl.tensor,
    tokens: tl.tensor,
    words: tl.tensor,
    softcap: tl.tensor,
    TILE: tl.constexpr,
) -> None:
    """Logits of a block of tokens for their own targets: the diagonal of a square tile."""
    rows = tl.program_id(0) * TILE.tokens + tl.arange(0, TILE.tokens)
    columns = tl.load(targets + rows, mask=rows < tokens, other=0).to(tl.int32)
    states = block(hidden, rows, tokens, 0, TILE.dim, TILE.dims)
    z = products(hidden, head, rows, columns, tokens, words, states, TILE)
    z = finish(z, softcap, columns, words, TILE.axis)
    number = tl.arange(0, TILE.tokens)
    diagonal = tl.sum(tl.where(number[:, None] == number[None, :], z, 0.0), TILE.axis)
    tl.store(out + rows, diagonal, mask=rows < tokens)
